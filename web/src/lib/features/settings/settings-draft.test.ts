import { describe, expect, it } from 'vitest';
import type { Project } from '#lib/api/types.ts';
import { toAmount, toBytes } from './amounts.ts';
import { problemsOf, toDraft, toRequest, type SettingsDraft } from './settings-draft.ts';

const settings = {
  visibility: 'private',
  quota: { maxBytes: 1_500_000_000, maxFiles: null, maxFileBytes: null },
  allowedTypes: ['image/*', 'font/*'],
  variants: [],
  retentionDays: 30,
  keepVersions: null,
  storage: 's3',
};
const project = { name: 'Holiday', settings } as unknown as Project;
const most = { maxBytes: 2e9, maxFiles: 1000, maxFileBytes: 1e9 };
const draft = (changes: Partial<SettingsDraft> = {}) => ({ ...toDraft(project), ...changes });

describe('amounts', () => {
  it.each([0, 7, 999, 1_500_000, 5 * 1024 ** 3, 100e9, 2e12])('shows %d bytes so that nothing is lost', (count) => {
    expect(toBytes(toAmount(count))).toBe(count);
  });

  it('reads what people type', () => {
    expect(toBytes({ number: ' 1,5 ', unit: 'GB' })).toBe(1_500_000_000);
    expect(toBytes({ number: '', unit: 'GB' })).toBeNull();
    expect(toBytes({ number: '-1', unit: 'GB' })).toBeNaN();
    expect(toBytes({ number: '1,000', unit: 'GB' })).toBeNaN(); // a thousand to some people, and one to others
  });
});

describe('toRequest', () => {
  it('sends only what was changed', () => {
    expect(toRequest(draft({ name: ' Winter ' }), ['name'])).toEqual({ name: 'Winter', settings: {} });
  });

  it('sends a quota as a whole, because the API replaces it', () => {
    const { settings: sent } = toRequest(draft({ maxFiles: '10' }), ['maxFiles']);
    expect(sent).toEqual({ quota: { maxBytes: 1_500_000_000, maxFiles: 10, maxFileBytes: null } });
  });

  it('sends all types, whether they were ticked or typed', () => {
    const sent = toRequest(draft({ otherTypes: 'font/*,\n application/zip' }), ['otherTypes']);
    expect(sent.settings?.allowedTypes).toEqual(['image/*', 'font/*', 'application/zip']);
    expect(toRequest(draft({ takesAll: true }), ['takesAll']).settings?.allowedTypes).toEqual(['*/*']);
  });
});

describe('problemsOf', () => {
  it('finds nothing in what was stored', () => expect(problemsOf(draft(), most).size).toBe(0));

  it.each([
    ['name', { name: '  ' }],
    ['maxBytes', { maxBytes: { number: '2.1', unit: 'GB' as const } }],
    ['maxFileBytes', { maxFileBytes: { number: 'much', unit: 'GB' as const } }],
    ['maxFiles', { maxFiles: '1001' }],
    ['retentionDays', { retentionDays: '0' }],
    ['keepVersions', { keepVersions: '1.5' }],
    ['otherTypes', { otherTypes: 'pdf' }],
    ['otherTypes', { families: [], otherTypes: '' }],
  ])('tells at the field: %s', (field, changes) => {
    expect([...problemsOf(draft(changes), most).keys()]).toEqual([field]);
  });
});
