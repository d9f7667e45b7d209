import { call } from '#lib/api/client.ts';
import { ApiError, sentence } from '#lib/api/problems.ts';
import type { BulkResult, FileView } from '#lib/api/types.ts';
import { count } from '#lib/ui/format.ts';
import { notices } from '#lib/ui/notices.svelte.ts';
import type { FileList } from './file-list.svelte.ts';

const AT_ONCE = 100; // ids that the API takes in one request

/** Do something to many files. Returns those that failed. */
export async function bulk(ids: readonly string[], action: 'delete' | 'restore' | 'purge'): Promise<BulkResult[]> {
  const failed: BulkResult[] = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const json = { ids: ids.slice(start, start + AT_ONCE), action };
    const results = await call<BulkResult[]>('/files/bulk', { method: 'POST', json });
    failed.push(...results.filter((result) => result.status === 'failed' && result.code !== 'not_found'));
  }
  return failed;
}

/** Move files to the trash at once, with a way back. */
export async function moveToTrash(list: FileList, ids: ReadonlySet<string>): Promise<void> {
  const show = list.hide(ids);
  const moved = attempt(list, ids, show);
  notices.tell(`${count(ids.size, 'file')} moved to trash`, {
    label: 'Undo',
    run: async () => {
      show();
      await moved; // else the restore could overtake it
      try {
        await bulk([...ids], 'restore');
        await list.refresh();
      } catch (error) {
        notices.fail(`The files are still in the trash. ${sentence(error)}`);
        await list.refresh();
      }
    },
  });
  await moved;
}

async function attempt(list: FileList, ids: ReadonlySet<string>, show: () => void): Promise<void> {
  try {
    const failed = await bulk([...ids], 'delete');
    if (failed.length) {
      show();
      notices.fail(`${count(failed.length, 'file')} could not be moved. ${failed[0]?.detail ?? ''}`);
      await list.refresh();
    }
    list.settle(ids);
  } catch (error) {
    show();
    notices.fail(`The files are still here. ${sentence(error)}`);
  }
}

/** Rename a file. The new name shows at once, and goes if the API refuses it. */
export async function rename(list: FileList, file: FileView, name: string): Promise<void> {
  list.replace({ ...file, name });
  try {
    list.replace({ ...(await call<FileView>(`/files/${file.id}`, { method: 'PATCH', json: { name } })), variants: file.variants });
  } catch (error) {
    list.replace(file);
    if (error instanceof ApiError && error.code === 'file_changed') return rename(list, file, name);
    throw error;
  }
}
