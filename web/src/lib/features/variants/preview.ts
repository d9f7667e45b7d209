import type { VariantSpec } from '#lib/api/types.ts';
import { geometryOf, type Geometry } from './geometry.ts';

/** An image that previews are made of. It is upright. */
export type Sample = { name: string; isOurs: boolean; bitmap: ImageBitmap; url: string; size: number };

/** A variant as this browser makes it. Its size in pixels is exact, and its bytes are near what Holdall's encoder makes. */
export type Preview = { geometry: Geometry; url: string; size: number | null };

/** Read an image. Raises an exception if this browser cannot decode it. */
export async function readSample(blob: Blob, name: string, isOurs: boolean): Promise<Sample> {
  const bitmap = await createImageBitmap(blob); // upright, by its EXIF orientation
  return { name, isOurs, bitmap, url: URL.createObjectURL(blob), size: blob.size };
}

export function releaseSample(sample: Sample): void {
  sample.bitmap.close();
  URL.revokeObjectURL(sample.url);
}

/** Make a variant. `size` is null if this browser cannot encode the format; the preview then is a PNG. */
export async function makePreview({ bitmap }: Sample, spec: VariantSpec): Promise<Preview> {
  const geometry = geometryOf(spec, bitmap.width, bitmap.height);
  const canvas = new OffscreenCanvas(geometry.width, geometry.height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('No canvas');
  if (spec.format === 'jpeg') {
    context.fillStyle = 'white'; // JPEG has no transparency
    context.fillRect(0, 0, geometry.width, geometry.height);
  }
  context.imageSmoothingQuality = 'high';
  const { left, top, boxWidth, boxHeight, width, height } = geometry;
  context.drawImage(bitmap, left, top, boxWidth, boxHeight, 0, 0, width, height);
  const type = `image/${spec.format}`;
  const blob = await canvas.convertToBlob({ type, quality: spec.quality / 100 });
  return { geometry, url: URL.createObjectURL(blob), size: blob.type === type ? blob.size : null };
}
