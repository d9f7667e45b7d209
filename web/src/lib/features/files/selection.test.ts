import { describe, expect, it } from 'vitest';
import { Selection } from './selection.svelte.ts';

const ITEMS = [...'abcdef'].map((id) => ({ id }));
const idsOf = (selection: Selection) => [...selection.ids].sort().join('');

describe('Selection', () => {
  it('selects a range in both directions from its anchor', () => {
    const selection = new Selection();
    selection.only('c');
    selection.range(ITEMS, 4);
    expect(idsOf(selection)).toBe('cde');
    selection.range(ITEMS, 1);
    expect(idsOf(selection)).toBe('bc');
  });

  it('finds its anchor by id, so that new files above it change nothing', () => {
    const selection = new Selection();
    selection.only('c');
    selection.range([{ id: 'new' }, ...ITEMS], 4);
    expect(idsOf(selection)).toBe('cd');
  });

  it('adds and removes one', () => {
    const selection = new Selection();
    selection.only('a');
    selection.toggle('b');
    selection.toggle('a');
    expect(idsOf(selection)).toBe('b');
  });
});
