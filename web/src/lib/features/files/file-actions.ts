import { call, callTagged } from '#lib/api/client.ts';
import { ApiError, sentence } from '#lib/api/problems.ts';
import type { BulkResult, FileView } from '#lib/api/types.ts';
import { count } from '#lib/ui/format.ts';
import { notices } from '#lib/ui/notices.svelte.ts';
import type { FileList } from './file-list.svelte.ts';
import { undoable } from './undo.ts';

const AT_ONCE = 100; // ids that the API takes in one request
const RENAME_ATTEMPTS = 5; // while a worker changes the file too

/** Do something to many files. Returns those that failed. After the first request, that includes all that could not be sent. */
export async function bulk(ids: readonly string[], action: 'delete' | 'restore' | 'purge'): Promise<BulkResult[]> {
  const failed: BulkResult[] = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const json = { ids: ids.slice(start, start + AT_ONCE), action };
    let results: BulkResult[];
    try {
      results = await call<BulkResult[]>('/files/bulk', { method: 'POST', json });
    } catch (error) {
      if (!start) throw error;
      const detail = sentence(error);
      return [...failed, ...ids.slice(start).map((id): BulkResult => ({ id, status: 'failed', code: null, detail, jobId: null }))];
    }
    failed.push(...results.filter((result) => result.status === 'failed' && result.code !== 'not_found'));
  }
  return failed;
}

/** Move files to the trash at once, with a way back. */
export async function moveToTrash(list: FileList, ids: ReadonlySet<string>): Promise<void> {
  const show = list.hide(ids);
  const moving = attempt(list, ids, show);
  notices.tell(`${count(ids.size, 'file')} moved to trash`, {
    label: 'Undo',
    run: undoable(async () => {
      show();
      const moved = await moving; // else the restore could overtake it
      try {
        const failed = await bulk(moved, 'restore');
        if (failed.length) notices.fail(`${count(failed.length, 'file')} ${failed.length === 1 ? 'is' : 'are'} still in the trash. ${failed[0]?.detail ?? ''}`);
      } catch (error) {
        notices.fail(`The files are still in the trash. ${sentence(error)}`);
      }
      await list.refresh();
    }),
  });
  await moving;
}

/** Move files, and show those again that stay. Returns the ids of those that were moved. */
async function attempt(list: FileList, ids: ReadonlySet<string>, show: ReturnType<FileList['hide']>): Promise<string[]> {
  try {
    const failed = await bulk([...ids], 'delete');
    const kept = new Set(failed.map(({ id }) => id));
    const moved = [...ids].filter((id) => !kept.has(id));
    if (kept.size) {
      show(kept);
      notices.fail(`${count(kept.size, 'file')} could not be moved. ${failed[0]?.detail ?? ''}`);
    }
    list.settle(new Set(moved));
    if (kept.size) await list.refresh().catch(() => {}); // the next poll
    return moved;
  } catch (error) {
    show();
    notices.fail(`The files are still here. ${sentence(error)}`);
    return [];
  }
}

/** Another person renamed the file while this one did. */
export class RenamedMeanwhile extends Error {
  readonly file: FileView;

  constructor(file: FileView) {
    super(`This file was renamed to “${file.name}” meanwhile.`);
    this.file = file;
  }
}

/** Rename a file, if it still has the name that the person saw, with a way back. Raises RenamedMeanwhile. */
export async function rename(list: FileList, file: FileView, name: string): Promise<void> {
  if (name === file.name) return;
  const renamed = await showRenamed(list, file, name);
  notices.tell(`Renamed to “${renamed.name}”`, {
    label: 'Undo',
    run: undoable(async () => {
      try {
        await showRenamed(list, renamed, file.name);
      } catch (error) {
        notices.fail(error instanceof RenamedMeanwhile ? error.message : `The file keeps its name. ${sentence(error)}`);
      }
    }),
  });
}

/** Rename a file. The new name shows at once, and goes if it is refused. */
async function showRenamed(list: FileList, file: FileView, name: string): Promise<FileView> {
  list.replace({ ...file, name });
  try {
    const renamed = { ...(await renameUnchanged(file, name)), variants: file.variants };
    list.replace(renamed);
    return renamed;
  } catch (error) {
    list.replace(error instanceof RenamedMeanwhile ? { ...error.file, variants: file.variants } : file);
    throw error;
  }
}

/** Rename the file by the ETag of a file that has the old name. What else changes in it meanwhile is no conflict. */
async function renameUnchanged(file: FileView, name: string, attempts = RENAME_ATTEMPTS): Promise<FileView> {
  const { data: now, etag } = await callTagged<FileView>(`/files/${file.id}`);
  if (now.name !== file.name) throw new RenamedMeanwhile(now);
  try {
    return await call<FileView>(`/files/${file.id}`, { method: 'PATCH', json: { name }, headers: { 'if-match': etag } });
  } catch (error) {
    const hasChanged = error instanceof ApiError && (error.status === 412 || error.code === 'file_changed');
    if (!hasChanged || attempts <= 1) throw error;
    return renameUnchanged(file, name, attempts - 1);
  }
}
