import Uppy, { type Body } from '@uppy/core';
import { expect, it, vi } from 'vitest';
import { HoldallUploader, type EntryMeta } from './holdall-uploader.ts';
import type { Steps } from './transfer.ts';

const transfer = vi.hoisted(() => vi.fn());
vi.mock('./transfer.ts', async (actual) => ({ ...(await actual<object>()), transfer }));

it('goes on when it is resumed before the pause took hold', async () => {
  const busy = Promise.withResolvers<void>();
  transfer.mockImplementationOnce(async (...[, , , , { signal }]: [Blob, string, object, string, Steps]) => {
    await busy.promise; // hashing, or waiting to try again
    signal.throwIfAborted();
  });
  transfer.mockResolvedValueOnce({ fileId: 'f', version: 1 });
  const uppy = new Uppy<EntryMeta, Body>({ autoProceed: true });
  uppy.use(HoldallUploader<EntryMeta, Body>);
  const id = uppy.addFile({ name: 'a.txt', data: new Blob(['a']), meta: { name: 'a.txt', key: 'k', projectId: 'p' } });
  await vi.waitFor(() => expect(transfer).toHaveBeenCalledTimes(1));
  uppy.pauseResume(id);
  uppy.pauseResume(id);
  busy.resolve();
  await vi.waitFor(() => expect(uppy.getFile(id).progress.uploadComplete).toBe(true));
  expect(uppy.getFile(id).error).toBeFalsy();
});
