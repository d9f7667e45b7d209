import { describe, expect, it, vi } from 'vitest';
import { readPage } from './client.ts';
import { ListedPage } from './listed-page.svelte.ts';
import type { Page } from './types.ts';

vi.mock('./client.ts', () => ({ readPage: vi.fn() }));

const page = (...data: string[]) => ({ data, pagination: {} }) as Page<string>;

/** Ask for two pages, and let the second answer arrive first. */
async function overtake(first: () => Page<string>): Promise<ListedPage<string>> {
  const list = new ListedPage<string>();
  let arrive = () => {};
  const slow = new Promise<void>((resolve) => (arrive = resolve)).then(first);
  vi.mocked(readPage).mockReturnValueOnce(slow).mockResolvedValueOnce(page('ada'));
  const reads = [list.read('/users'), list.read('/users?email=ada')];
  await reads[1];
  arrive();
  await reads[0];
  return list;
}

describe('a page of a list', () => {
  it('is the one that was asked for last, though an earlier answer comes later', async () => {
    const list = await overtake(() => page('all'));
    expect(list.found?.data).toEqual(['ada']);
  });

  it('is not replaced by the error of an earlier one', async () => {
    const list = await overtake(() => {
      throw new Error('lost');
    });
    expect([list.found?.data, list.error]).toEqual([['ada'], null]);
  });

  it('is read again after an error', async () => {
    const list = new ListedPage<string>();
    vi.mocked(readPage).mockRejectedValueOnce('lost').mockResolvedValueOnce(page('all'));
    expect([await list.read('/users'), list.error]).toEqual([null, 'lost']);
    expect([(await list.read('/users'))?.data, list.error]).toEqual([['all'], null]);
  });
});
