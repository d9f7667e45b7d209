import type { Project, UpdateProject, VariantSpec } from '#lib/api/types.ts';
import { toCount } from '../settings/amounts.ts';

/** A variant as it is typed. */
export type VariantDraft = {
  id: string; // within the page
  name: string;
  width: string;
  height: string;
  fit: VariantSpec['fit'];
  format: VariantSpec['format'];
  quality: string;
  animated: boolean;
};
export type VariantsDraft = { variants: VariantDraft[] };
export type Problems = Partial<Record<keyof VariantDraft, string>>;

export const MOST_VARIANTS = 20;
export const LONGEST_SIDE = 4096; // pixels
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const FITS = { contain: '', cover: 'cropped to fill', stretch: 'stretched' } as const;
export const FORMATS: Readonly<Record<VariantSpec['format'], string>> = { webp: 'WebP', avif: 'AVIF', jpeg: 'JPEG', png: 'PNG' };

export function toDraft({ settings }: Project): VariantsDraft {
  return {
    variants: settings.variants.map((spec, index) => ({
      ...spec,
      id: `${index + 1}`,
      width: String(spec.width ?? ''),
      height: String(spec.height ?? ''),
      quality: String(spec.quality),
    })),
  };
}

export function toRequest({ variants }: VariantsDraft): UpdateProject {
  return { settings: { variants: variants.map(toSpec) } };
}

export function toSpec({ name, width, height, fit, format, quality, animated }: VariantDraft): VariantSpec {
  return { name: name.trim(), width: toCount(width), height: toCount(height), fit, format, quality: toCount(quality) ?? 80, animated };
}

/** Return a new variant with a name that no other has. */
export function newVariant(variants: readonly VariantDraft[]): VariantDraft {
  const names = new Set(variants.map(({ name }) => name));
  let number = variants.length + 1;
  while (names.has(`variant-${number}`)) number += 1;
  return { id: `new-${crypto.randomUUID()}`, name: `variant-${number}`, width: '800', height: '', fit: 'contain', format: 'webp', quality: '80', animated: false };
}

/** Return what is wrong, by field, of each variant with a fault. The API has the same rules. */
export function problemsOf(variants: readonly VariantDraft[]): Map<string, Problems> {
  const all = variants.map((draft) => [draft.id, problemsOfOne(draft, variants)] as const);
  return new Map(all.filter(([, problems]) => Object.keys(problems).length));
}

function problemsOfOne(draft: VariantDraft, variants: readonly VariantDraft[]): Problems {
  const problems: Problems = {};
  const name = draft.name.trim();
  if (!NAME.test(name)) problems.name = 'Use 1 to 32 small letters, digits and hyphens, and no hyphen at the start.';
  else if (variants.some((other) => other.id !== draft.id && other.name.trim() === name)) problems.name = 'Another variant has this name.';
  for (const side of ['width', 'height'] as const) {
    const problem = problemOfCount(draft[side], LONGEST_SIDE);
    if (problem) problems[side] = problem;
  }
  const isMissing = (side: 'width' | 'height') => !draft[side].trim();
  if (draft.fit !== 'contain') {
    for (const side of ['width', 'height'] as const) if (isMissing(side)) problems[side] = 'This fit needs both sides.';
  } else if (isMissing('width') && isMissing('height')) problems.width = 'Enter a width, a height, or both.';
  if (draft.format !== 'png') {
    const problem = draft.quality.trim() ? problemOfCount(draft.quality, 100) : 'Enter a whole number from 1 to 100.';
    if (problem) problems.quality = problem;
  }
  return problems;
}

function problemOfCount(text: string, most: number): string | undefined {
  const value = toCount(text);
  if (value === null || (value >= 1 && value <= most)) return undefined;
  return `Enter a whole number from 1 to ${new Intl.NumberFormat().format(most)}.`;
}

/** Return what a variant is, in a line. */
export function describe({ width, height, fit, format, quality }: VariantDraft): string {
  const size = width && height ? `${width} × ${height}` : width ? `${width} wide` : `${height || '?'} high`;
  const encoding = format === 'png' ? 'PNG' : `${FORMATS[format]} ${quality}`;
  return [size, FITS[fit], encoding].filter(Boolean).join(' · ');
}

/** Move a variant one place up (-1) or down (1). */
export function move(variants: readonly VariantDraft[], id: string, by: -1 | 1): VariantDraft[] {
  const moved = [...variants];
  const from = moved.findIndex((variant) => variant.id === id);
  const [variant] = moved.splice(from, 1);
  if (variant) moved.splice(from + by, 0, variant);
  return moved;
}
