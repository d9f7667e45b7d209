import Uppy, { type Body } from '@uppy/core';
import GoldenRetriever from '@uppy/golden-retriever';
import { HoldallUploader, type EntryMeta } from './holdall-uploader.ts';

export type Engine = Uppy<EntryMeta, Body>;

export const KEPT_BYTES = 256 * 2 ** 20; // of a file that survives a reload without being chosen again
const KEPT_IN_ALL = 2 ** 30;

/** Make the queue of a user. One tab keeps it over reloads; the queue of another tab ends with that tab. */
export function makeEngine(userId: string, isKept: boolean): Engine {
  const uppy: Engine = new Uppy<EntryMeta, Body>({
    id: `holdall-${userId}`,
    autoProceed: true,
    allowMultipleUploadBatches: true,
    // The same file may go to two projects, and a second time into the same one.
    onBeforeFileAdded: () => true,
  });
  uppy.use(HoldallUploader<EntryMeta, Body>);
  if (isKept) {
    const indexedDB = { maxFileSize: KEPT_BYTES, maxTotalSize: KEPT_IN_ALL };
    uppy.use(GoldenRetriever<EntryMeta, Body>, { expires: 24 * 3600_000, indexedDB } as object);
  }
  return uppy;
}
