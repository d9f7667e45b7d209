import { describe, expect, it } from 'vitest';
import { findingOf, isBytes, scheduleInWords } from './tasks.ts';

describe('a schedule', () => {
  it('is told in words', () => {
    expect(['rate(1 minute)', 'rate(5 minutes)', 'rate(60 minutes)', null].map(scheduleInWords)).toEqual([
      'Every minute',
      'Every 5 minutes',
      'Every hour',
      'Only on request',
    ]);
    expect(scheduleInWords('cron(0 3 * * ? *)')).toBe('Every day at 03:00 UTC');
    expect(scheduleInWords('cron(30 5 ? * SUN *)')).toBe('Every Sunday at 05:30 UTC');
    expect(scheduleInWords('at(2026-01-01)')).toBe('at(2026-01-01)');
  });
});

describe('what a report counts', () => {
  it('is told in words, also if it is newer than the console', () => {
    expect(['removed_bytes', 'no_active_owner', 'newThing_bytes'].map(findingOf)).toEqual([
      'Space that was freed',
      'Projects without an active owner',
      'New thing bytes',
    ]);
    expect(['removed_bytes', 'movedBytes', 'moved'].map(isBytes)).toEqual([true, true, false]);
  });
});
