import { describe, expect, it } from 'vitest';
import type { Project, VariantSpec } from '#lib/api/types.ts';
import { describe as inWords, move, newVariant, problemsOf, toDraft, toRequest, type VariantDraft } from './variant-draft.ts';

const specs: VariantSpec[] = [
  { name: 'thumbnail', width: 200, height: 200, fit: 'cover', format: 'webp', quality: 80, animated: false },
  { name: 'large', width: null, height: 1080, fit: 'contain', format: 'avif', quality: 60, animated: false },
];
const variants = toDraft({ settings: { variants: specs } } as unknown as Project).variants;
const changed = (changes: Partial<VariantDraft>) => [{ ...variants[0]!, ...changes }, variants[1]!];

it('sends what was stored, unless it is changed', () => {
  expect(toRequest({ variants })).toEqual({ settings: { variants: specs } });
});

it('describes a variant in a line', () => {
  expect(variants.map(inWords)).toEqual(['200 × 200 · cropped to fill · WebP 80', '1080 high · AVIF 60']);
});

describe('problemsOf', () => {
  it('finds nothing in what was stored, or in a new variant', () => {
    expect(problemsOf([...variants, newVariant(variants)]).size).toBe(0);
  });

  it.each<[keyof VariantDraft, Partial<VariantDraft>]>([
    ['name', { name: 'Big one' }],
    ['name', { name: '-x' }],
    ['name', { name: 'a'.repeat(33) }],
    ['name', { name: 'large' }],
    ['width', { width: '0' }],
    ['width', { width: '4097' }],
    ['height', { height: '' }],
    ['height', { fit: 'stretch', height: '' }],
    ['width', { fit: 'contain', width: '', height: '' }],
    ['quality', { quality: '101' }],
    ['quality', { quality: '' }],
  ])('tells at the field: %s', (field, changes) => {
    const [problems] = [...problemsOf(changed(changes)).values()];
    expect(Object.keys(problems!)).toEqual([field]);
  });

  it('leaves the quality of a PNG alone, which has none', () => {
    expect(problemsOf(changed({ format: 'png', quality: '' })).size).toBe(0);
  });
});

it('gives a new variant a name that no other has', () => {
  expect(newVariant([{ ...variants[0]!, name: 'variant-2' }]).name).toBe('variant-3');
});

it('moves a variant, and sends the new order', () => {
  expect(toRequest({ variants: move(variants, '2', -1) }).settings?.variants?.map(({ name }) => name)).toEqual(['large', 'thumbnail']);
});
