import { beforeEach, describe, expect, it, vi } from 'vitest';
import { callTagged } from '#lib/api/client.ts';
import { ApiError } from '#lib/api/problems.ts';
import type { Project } from '#lib/api/types.ts';
import { ProjectEditor } from './project-editor.svelte.ts';

vi.mock('$app/navigation', () => ({ invalidate: vi.fn() }));
vi.mock('#lib/api/client.ts', () => ({ callTagged: vi.fn() }));

type Draft = { name: string; slug: string };
const api = vi.mocked(callTagged);
const answer = (name: string, slug: string, etag: string) => ({ data: { name, slug } as Project, etag });
const refusal = new ApiError(412, { code: 'precondition_failed' });
let editor: ProjectEditor<Draft>;

beforeEach(async () => {
  api.mockReset();
  api.mockResolvedValueOnce(answer('Holiday', 'a', '"1"'));
  editor = new ProjectEditor<Draft>('p1', {
    toDraft: ({ name, slug }) => ({ name, slug }),
    toRequest: (draft, changed) => Object.fromEntries(changed.map((key) => [key, draft[key]])),
  });
  await editor.read();
});

describe('ProjectEditor', () => {
  it('sends what was changed, for the state that was read', async () => {
    editor.draft.name = 'Winter';
    api.mockResolvedValueOnce(answer('Winter', 'a', '"2"'));
    expect(await editor.save()).toBe(true);
    expect(api).toHaveBeenLastCalledWith('/projects/p1', { method: 'PATCH', json: { name: 'Winter' }, headers: { 'if-match': '"1"' } });
    expect(editor.changed).toEqual([]);
  });

  it('keeps what is typed while it is being saved', async () => {
    editor.draft.name = 'Winter';
    api.mockImplementationOnce(async () => {
      editor.draft = { ...editor.draft, slug: 'typed' };
      return answer('Winter', 'a', '"2"');
    });
    await editor.save();
    expect(editor.draft).toEqual({ name: 'Winter', slug: 'typed' });
    expect(editor.changed).toEqual(['slug']);
  });

  it('saves over the change of someone else to another field', async () => {
    editor.draft.name = 'Winter';
    api.mockRejectedValueOnce(refusal);
    api.mockResolvedValueOnce(answer('Holiday', 'theirs', '"2"'));
    api.mockResolvedValueOnce(answer('Winter', 'theirs', '"3"'));
    expect(await editor.save()).toBe(true);
    expect(api.mock.lastCall?.[1]).toEqual({ method: 'PATCH', json: { name: 'Winter' }, headers: { 'if-match': '"2"' } });
  });

  it('asks if both changed the same, and then does what was decided', async () => {
    editor.draft.name = 'Winter';
    api.mockRejectedValueOnce(refusal);
    api.mockResolvedValueOnce(answer('Summer', 'a', '"2"'));
    expect(await editor.save()).toBe(false);
    expect([editor.conflicts, editor.draft.name]).toEqual([['name'], 'Winter']);

    editor.keepTheirs();
    expect([editor.conflicts, editor.draft.name, editor.changed]).toEqual([[], 'Summer', []]);
  });

  it('gives up if it is refused again and again, as behind a proxy that weakens the tags', async () => {
    editor.draft.name = 'Winter';
    api.mockImplementation(async (_, options) => {
      if (api.mock.calls.length > 50) throw new Error('it did not give up');
      if (options) throw refusal;
      return answer('Holiday', 'a', 'W/"1"');
    });
    await expect(editor.save()).rejects.toBe(refusal);
    expect(editor.draft.name).toBe('Winter');
  });
});
