import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Unreachable } from '#lib/api/problems.ts';
import type { FileView } from '#lib/api/types.ts';
import { notices } from '#lib/ui/notices.svelte.ts';
import { moveToTrash } from './file-actions.ts';
import { FileList } from './file-list.svelte.ts';

const call = vi.hoisted(() => vi.fn());
vi.mock('#lib/api/client.ts', () => ({ call, callTagged: vi.fn(), readPage: vi.fn() }));

type Bulk = { ids: string[]; action: string };
let there: string[]; // ids that the API lists
let refused: ReadonlySet<string>;

/** A list of 150 files, of which the first 100 are the first page. */
async function listOf(): Promise<FileList> {
  there = Array.from({ length: 150 }, (_, index) => `f${index}`);
  const list = new FileList('p', { sort: 'newest', kind: null, prefix: '' }, async (path) => {
    const start = Number(new URL(path, 'http://x').searchParams.get('cursor') ?? 0);
    const hasNext = there.length > start + 100;
    const data = there.slice(start, start + 100).map((id) => ({ id, name: id, status: 'ready', variants: [] }) as unknown as FileView);
    return { data, pagination: { limit: 100, hasNext, hasPrev: false, next: hasNext ? String(start + 100) : null, prev: null } };
  });
  await list.readAll();
  await list.readMore();
  await list.readMore();
  return list;
}

const idsOf = (list: FileList) => list.items.map((file) => file.id);
const told = () => notices.list.map((notice) => notice.text).join(' ');

beforeEach(() => {
  notices.list = [];
  refused = new Set();
  call.mockReset();
  call.mockImplementation(async (_: string, { json }: { json: Bulk }) => {
    const isDone = (id: string) => !refused.has(id);
    if (json.action === 'delete') there = there.filter((id) => !json.ids.includes(id) || !isDone(id));
    else there = [...json.ids.filter(isDone), ...there];
    return json.ids.map((id) => (isDone(id) ? { id, status: 'done' } : { id, status: 'failed', code: 'busy', detail: 'It is being changed.' }));
  });
});

describe('moveToTrash', () => {
  it('shows only those again that were not moved', async () => {
    const list = await listOf();
    refused = new Set(['f149']);
    await moveToTrash(list, new Set(['f0', 'f148', 'f149']));
    expect(idsOf(list)).toEqual(there);
    expect(told()).toContain('1 file could not be moved');
  });

  it('shows only the rest again, and says so, when the connection is cut after a hundred', async () => {
    const list = await listOf();
    const answer = call.getMockImplementation();
    call.mockImplementation(async (path: string, options: { json: Bulk }) => {
      if (options.json.ids.includes('f149')) throw new Unreachable();
      return answer?.(path, options);
    });
    await moveToTrash(list, new Set(idsOf(list)));
    expect(idsOf(list)).toEqual(there);
    expect(there).toHaveLength(50);
    expect(told()).toContain('50 files could not be moved');
  });

  it('restores by Undo what was moved, and tells what stays in the trash', async () => {
    const list = await listOf();
    await moveToTrash(list, new Set(['f0', 'f1']));
    refused = new Set(['f1']);
    notices.list[0]?.action?.run();
    await vi.waitFor(() => expect(told()).toContain('1 file is still in the trash'));
    expect(there).toContain('f0');
  });
});
