import type { FileView, Variant } from '#lib/api/types.ts';

const TILE = 320; // pixels: a tile on a screen with two pixels for each

/** Return the smallest variant that is ready and large enough for a tile. */
export function thumbnailOf(file: FileView): Variant | undefined {
  return fitting(file, TILE);
}

/** Return the variant to look at: the smallest that is ready and as large as the screen. */
export function previewOf(file: FileView, pixels: number): Variant | undefined {
  return fitting(file, pixels);
}

/** Return an address of a variant for `<img>`. The signed one needs no call of the API. */
export function addressOf(file: FileView, variant: Variant): string {
  const isValid = variant.signedUrl && variant.signedUntil && Date.parse(variant.signedUntil) > Date.now() + 20_000;
  if (isValid) return variant.signedUrl as string;
  const name = encodeURIComponent(variant.name);
  return `/api/v1/files/${file.id}/content?variant=${name}&disposition=inline`;
}

function fitting(file: FileView, pixels: number): Variant | undefined {
  const ready = file.variants
    .filter((variant) => variant.status === 'ready' && variant.width)
    .sort((a, b) => (a.width ?? 0) - (b.width ?? 0));
  return ready.find((variant) => (variant.width ?? 0) >= pixels) ?? ready.at(-1);
}
