import { describe, expect, it } from 'vitest';
import { apiQuery, readFilter, writeFilter } from './audit-query.ts';

const read = (text: string) => readFilter(new URLSearchParams(text));

describe('the filter of the audit log', () => {
  it('is the same after the way through the address', () => {
    for (const text of ['', 'actor=u1', 'action=files.purge&from=2026-11-01', 'target=a%26b&from=2026-11-01&to=2026-11-02']) {
      expect(writeFilter(read(text)).toString()).toBe(text);
    }
  });

  it('leaves out what makes no sense', () => {
    expect(read('by=x&from=yesterday&to=2026-99-99&actor=')).toEqual({ by: null, value: '', from: '', to: '' });
    expect(read('target=t&actor=a')).toMatchObject({ by: 'actor', value: 'a' }); // the API takes one
  });

  it('covers both days from their first to their last moment, where the person is', () => {
    const query = apiQuery(read('from=2026-02-28&to=2026-02-28'));
    expect(query.get('from')).toBe(new Date(2026, 1, 28).toISOString());
    expect(query.get('to')).toBe(new Date(2026, 2, 1).toISOString());
  });
});
