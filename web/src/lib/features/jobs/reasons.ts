/** Why a job failed, or why an image has no variants, by the code of the API. */
const REASONS: Record<string, string> = {
  broken_image: 'This image could not be read: its data is damaged.',
  unsupported_type: 'This is not an image of a type that can be shown.',
  empty_file: 'The file is empty.',
  too_many_pixels: 'This image has too many pixels to be made smaller.',
  side_too_long: 'This image is too wide or too high to be made smaller.',
  too_many_frames: 'This animation has too many frames.',
  animation_too_large: 'This animation is too large.',
  too_many_scans: 'This image is stored in too many layers.',
  too_many_bytes: 'This image has too many bytes to be made smaller.',
  too_demanding: 'This image takes too much memory or time.',
  cannot_encode: 'The smaller images could not be written.',
  decoder_crashed: 'Reading this image failed. It may be damaged.',
  variants_full: 'There is no room for more variants in this project.',
  checksum_mismatch: 'The bytes that arrived are not those that were announced. Upload the file again.',
  original_gone: 'The bytes of this file are gone. Upload it again.',
  file_gone: 'The file was deleted meanwhile.',
  not_permitted: 'The person who asked for it may not do this any more.',
  public_prefix_not_empty: 'Some images are still public. Try again.',
  gave_up: 'It failed too often. Try again, or ask your operator.',
  dead_letter: 'It failed too often. Try again, or ask your operator.',
};

const FINAL = new Set(['checksum_mismatch', 'original_gone', 'file_gone']);

/** Return a reason in words. */
export function inWords(reason: string): string {
  return REASONS[reason] ?? 'It did not work, for a reason that is new to this page.';
}

/** Return whether another attempt could end differently. */
export function isRetryable(reason: string | null | undefined): boolean {
  return !FINAL.has(reason ?? '');
}
