import { describe, expect, it } from 'vitest';
import { differences, merge } from './merge.ts';

const before = { name: 'Holiday', types: ['image/*'], days: '' };

describe('merge', () => {
  it('keeps what I changed, and takes over what others changed', () => {
    const mine = { ...before, name: 'Winter' };
    const theirs = { ...before, types: ['*/*'] };
    expect(merge(mine, before, theirs)).toEqual({ draft: { name: 'Winter', types: ['*/*'], days: '' }, conflicts: [] });
  });

  it('names what both changed, and keeps mine until I decide', () => {
    const merged = merge({ ...before, name: 'Winter' }, before, { ...before, name: 'Summer' });
    expect(merged).toEqual({ draft: { ...before, name: 'Winter' }, conflicts: ['name'] });
  });

  it('sees no conflict if both made the same change', () => {
    const both = { ...before, types: ['video/*'] };
    expect(merge({ ...both }, before, { ...both }).conflicts).toEqual([]);
  });
});

describe('differences', () => {
  it('compares lists by what is in them', () => {
    expect(differences(before, { ...before, types: ['image/*'] })).toEqual([]);
    expect(differences(before, { ...before, types: [] })).toEqual(['types']);
  });
});
