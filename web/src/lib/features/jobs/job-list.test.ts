import { describe, expect, it } from 'vitest';
import type { Job, Page } from '#lib/api/types.ts';
import { JobList, type JobFilter } from './job-list.svelte.ts';

type Row = { id: string; status: Job['status'] };

/** Jobs, the newest first, as an API would list them, in pages of two. */
class FakeApi {
  rows: Row[] = [];
  fails = false;

  read = async (path: string): Promise<Page<Job>> => {
    if (this.fails) throw new Error('unreachable');
    const query = new URL(path, 'http://x').searchParams;
    const found = this.rows.filter(({ status }) => !query.has('status') || status === query.get('status'));
    const start = Number(query.get('cursor') ?? 0);
    const data = found.slice(start, start + 2).map((row) => ({ ...row, createdAt: `2026-01-01T00:00:${row.id}Z` }));
    const hasNext = start + 2 < found.length;
    return {
      data: data as unknown as Job[],
      pagination: { limit: 2, hasNext, hasPrev: start > 0, next: hasNext ? String(start + 2) : null, prev: null },
    };
  };
}

function listOf(rows: Row[], filter: JobFilter = 'all') {
  const api = new FakeApi();
  api.rows = rows;
  return { api, list: new JobList('p', filter, api.read) };
}

const done = (id: string): Row => ({ id, status: 'completed' });
const idsOf = (list: JobList) => list.items.map((job) => job.id).join(' ');

describe('JobList', () => {
  it('keeps the pages that were read behind the first one, and takes new and changed jobs from it', async () => {
    const { api, list } = listOf([done('13'), { id: '12', status: 'processing' }, done('11'), done('10')]);
    await list.refresh();
    await list.readMore();
    api.rows = [done('14'), done('13'), done('12'), done('11'), done('10')];
    await list.refresh();
    expect([idsOf(list), list.hasMore]).toEqual(['14 13 12 11 10', false]);
  });

  it('shows what waits and what runs together, the newest first, and not what has ended', async () => {
    const rows: Row[] = [{ id: '14', status: 'pending' }, { id: '13', status: 'processing' }, { id: '12', status: 'pending' }];
    const { api, list } = listOf([...rows, done('11'), { id: '10', status: 'pending' }], 'open');
    await list.refresh();
    expect([idsOf(list), list.hasMore, list.isBusy]).toEqual(['14 13 12', true, true]);
    await list.readMore();
    expect([idsOf(list), list.hasMore]).toEqual(['14 13 12 10', false]);
    api.rows = [done('14')];
    await list.refresh();
    expect([idsOf(list), list.isBusy]).toEqual(['', false]);
  });

  it('keeps what it shows when the next read fails', async () => {
    const { api, list } = listOf([done('11')]);
    await list.refresh();
    api.fails = true;
    await list.refresh();
    expect([idsOf(list), list.error]).toEqual(['11', new Error('unreachable')]);
  });
});
