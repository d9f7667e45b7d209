import { expect, it, vi } from 'vitest';

it('lets nothing of the former user go on when another one has signed in in this browser', async () => {
  const reload = vi.fn();
  vi.stubGlobal('location', { reload });
  vi.stubGlobal('localStorage', { getItem: () => '1', setItem: vi.fn(), removeItem: vi.fn() });
  const { session } = await import('./session.svelte.ts');
  let id = 'ann';
  vi.stubGlobal('fetch', async () => Response.json({ data: { id, csrfToken: `of ${id}` } }));
  await session.reload();
  id = 'bob';
  const wentOn = vi.fn();
  void session.reload().then(wentOn);
  await vi.waitFor(() => expect(reload).toHaveBeenCalled());
  await new Promise((resolve) => setTimeout(resolve));
  expect([session.csrfToken, wentOn.mock.calls]).toEqual(['of ann', []]);
});
