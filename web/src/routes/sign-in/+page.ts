import { redirect } from '@sveltejs/kit';
import { nextPath } from '#lib/session/next.ts';
import { session } from '#lib/session/session.svelte.ts';

export const load = async ({ url }) => {
  const next = nextPath(url.searchParams.get('next'));
  const mfaToken = new URLSearchParams(url.hash.slice(1)).get('mfaToken') ?? '';
  const comesFromProvider = url.searchParams.get('from') === 'provider';
  if (!mfaToken && (session.known || comesFromProvider) && (await session.reload())) redirect(307, next);
  return { next, mfaToken };
};
