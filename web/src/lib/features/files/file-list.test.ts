import { describe, expect, it } from 'vitest';
import type { FileView, Page } from '#lib/api/types.ts';
import { FileList } from './file-list.svelte.ts';

const QUERY = { sort: 'newest', kind: null, prefix: '' } as const;

/** Files by id, as an API would list them, in pages of two. */
class FakeApi {
  ids: string[] = [];
  paths: string[] = [];
  fails = false;
  status: Record<string, FileView['status']> = {};
  #delayed: Promise<void> | null = null;

  /** Hold back the next answer. Returns what lets it arrive. */
  delay(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#delayed = promise;
    return resolve;
  }

  read = async (path: string): Promise<Page<FileView>> => {
    this.paths.push(path);
    const delayed = this.#delayed;
    this.#delayed = null;
    if (this.fails) throw new Error('unreachable');
    const start = Number(new URL(path, 'http://x').searchParams.get('cursor') ?? 0);
    const data = this.ids.slice(start, start + 2).map((id) => ({ id, name: id, status: this.status[id] ?? 'ready', variants: [] }));
    const hasNext = start + 2 < this.ids.length;
    await delayed;
    return {
      data: data as unknown as FileView[],
      pagination: { limit: 2, hasNext, hasPrev: start > 0, next: hasNext ? String(start + 2) : null, prev: null },
    };
  };
}

async function listOf(api: FakeApi, pages = 2): Promise<FileList> {
  const list = new FileList('p', QUERY, api.read);
  for (let page = 0; page < pages; page++) await list.readMore();
  return list;
}

const idsOf = (list: FileList) => list.items.map((file) => file.id).join('');

describe('FileList', () => {
  it('reads page after page, and knows the end', async () => {
    const api = new FakeApi();
    api.ids = [...'abcd'];
    const list = await listOf(api);
    expect([idsOf(list), list.hasMore]).toEqual(['abcd', false]);
  });

  it('reads a page once for calls at the same time', async () => {
    const api = new FakeApi();
    api.ids = [...'abcd'];
    const list = new FileList('p', QUERY, api.read);
    await Promise.all([list.readMore(), list.readMore()]);
    expect(api.paths).toHaveLength(1);
  });

  it('takes new files, changed ones, and those that are gone from the first page', async () => {
    const api = new FakeApi();
    api.ids = [...'abcd'];
    const list = await listOf(api);
    api.ids = [...'xbcd'];
    api.status = { b: 'processing' };
    await list.refresh();
    expect([idsOf(list), list.isProcessing]).toEqual(['xbcd', true]);
  });

  it('begins again if the first page has nothing of what was read', async () => {
    const api = new FakeApi();
    api.ids = [...'abcd'];
    const list = await listOf(api);
    api.ids = [...'wxyzabcd'];
    await list.refresh();
    expect([idsOf(list), list.hasMore]).toEqual(['wx', true]);
  });

  it('keeps removed files hidden while the API still lists them, and puts them back in their places', async () => {
    const api = new FakeApi();
    api.ids = [...'abcd'];
    const list = await listOf(api);
    const show = list.hide(new Set(['a', 'c']));
    await list.refresh();
    expect(idsOf(list)).toBe('bd');
    show();
    expect(idsOf(list)).toBe('abcd');
  });

  it('does not show what an answer says that was overtaken by a newer one', async () => {
    const api = new FakeApi();
    api.ids = [...'ab'];
    const list = await listOf(api, 1);
    const arrive = api.delay();
    const old = list.refresh();
    api.ids = [...'xab'];
    await list.refresh();
    arrive();
    await old;
    expect(idsOf(list)).toBe('xab');
  });

  it('does not show a deleted file again by an answer from before its deletion', async () => {
    const api = new FakeApi();
    api.ids = [...'ab'];
    const list = await listOf(api, 1);
    const arrive = api.delay();
    const old = list.refresh();
    list.hide(new Set(['a']));
    api.ids = ['b'];
    list.settle(new Set(['a']));
    arrive();
    await old;
    expect(idsOf(list)).toBe('b');
  });

  it('does not bring back by an undo what was settled', async () => {
    const api = new FakeApi();
    api.ids = [...'ab'];
    const list = await listOf(api, 1);
    const show = list.hide(new Set(['a']));
    list.settle(new Set(['a']));
    show();
    expect(idsOf(list)).toBe('b');
  });

  it('keeps what was read when the next page fails, and goes on from there', async () => {
    const api = new FakeApi();
    api.ids = [...'abcd'];
    const list = await listOf(api, 1);
    api.fails = true;
    await list.readMore();
    expect([idsOf(list), list.state]).toEqual(['ab', 'failed']);
    api.fails = false;
    await list.readMore();
    expect([idsOf(list), list.state]).toEqual(['abcd', 'ready']);
  });

  it('asks for one filter or order only, as the API does', async () => {
    const api = new FakeApi();
    await new FileList('p', { sort: 'name', kind: 'image', prefix: 'a' }, api.read).readMore();
    await new FileList('p', { sort: 'name', kind: 'image', prefix: '' }, api.read).readMore();
    expect(api.paths).toEqual([
      '/files?projectId=p&limit=100&signed=true&prefix=a',
      '/files?projectId=p&limit=100&signed=true&kind=image',
    ]);
  });
});
