import type { VariantSpec } from '#lib/api/types.ts';

const MAX_SIDE = 16_384; // pixels; no source has a longer side, so a missing side of the spec does not limit the variant

/** The box of the source to resize, in its pixels, and the size of the result. */
export type Geometry = { left: number; top: number; boxWidth: number; boxHeight: number; width: number; height: number };

/** Return the geometry of a variant of an upright source, as `functions/imageproc/geometry.py` computes it. */
export function geometryOf(spec: Pick<VariantSpec, 'width' | 'height' | 'fit'>, width: number, height: number): Geometry {
  const maxWidth = spec.width ?? MAX_SIDE;
  const maxHeight = spec.height ?? MAX_SIDE;
  const whole = { left: 0, top: 0, boxWidth: width, boxHeight: height };
  if (spec.fit === 'stretch') return { ...whole, width: maxWidth, height: maxHeight };
  if (spec.fit === 'contain') {
    const scale = Math.min(maxWidth / width, maxHeight / height, 1);
    return { ...whole, width: pixels(width * scale, maxWidth), height: pixels(height * scale, maxHeight) };
  }
  // The largest box with the aspect ratio of the spec. A source that is smaller is cropped, not enlarged.
  const boxWidth = Math.min(width, (height * maxWidth) / maxHeight);
  const boxHeight = Math.min(height, (width * maxHeight) / maxWidth);
  return {
    left: (width - boxWidth) / 2,
    top: (height - boxHeight) / 2,
    boxWidth,
    boxHeight,
    width: pixels(boxWidth, maxWidth),
    height: pixels(boxHeight, maxHeight),
  };
}

function pixels(value: number, maximum: number): number {
  return Math.max(1, Math.min(roundHalfToEven(value), maximum));
}

/** Round as Python does: 2.5 and 1.5 are 2. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}
