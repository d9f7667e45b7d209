import { expect, it } from 'vitest';
import { endOfDay, isoDay } from './days.ts';

it('is the end of the day where the person is', () => {
  const end = new Date(endOfDay('2026-12-31'));
  expect([end.getDate(), end.getHours(), end.getMinutes()]).toEqual([31, 23, 59]);
  expect(isoDay(end)).toBe('2026-12-31');
});
