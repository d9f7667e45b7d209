import { describe, expect, it } from 'vitest';
import cases from './geometry.cases.json';
import { geometryOf } from './geometry.ts';

type Fit = 'contain' | 'cover' | 'stretch';

// The image engine is held to the same cases: tests/unit/imageproc/test_geometry.py.
describe('geometryOf', () => {
  it.each(cases)('$fit $width × $height of $source is $size', ({ fit, width, height, source, box, size }) => {
    const geometry = geometryOf({ fit: fit as Fit, width, height }, source[0]!, source[1]!);
    expect([geometry.width, geometry.height]).toEqual(size);
    expect([
      geometry.left,
      geometry.top,
      geometry.left + geometry.boxWidth,
      geometry.top + geometry.boxHeight,
    ]).toEqual(box);
  });
});
