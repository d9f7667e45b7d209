import { thumbHashToDataURL } from 'thumbhash';

const MOST = 2000;
const urls = new Map<string, string>();

/** Return the picture of a ThumbHash (base64) as a data URL. It is made once for each hash. */
export function placeholderUrl(hash: string): string {
  const known = urls.get(hash);
  if (known) return known;
  if (urls.size >= MOST) urls.clear();
  const url = thumbHashToDataURL(Uint8Array.from(atob(hash), (character) => character.charCodeAt(0)));
  urls.set(hash, url);
  return url;
}
