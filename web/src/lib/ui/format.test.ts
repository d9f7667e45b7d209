import { describe, expect, it } from 'vitest';
import { duration } from './format.ts';

describe('duration', () => {
  it.each([
    [30, 'under 0.1 s'],
    [420, '0.4 s'],
    [9_940, '9.9 s'],
    [12_300, '12 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 min'],
  ])('tells %i ms as %s', (milliseconds, told) => expect(duration(milliseconds)).toBe(told));
});
