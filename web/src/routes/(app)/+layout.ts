import { redirect } from '@sveltejs/kit';
import { Unreachable } from '#lib/api/problems.ts';
import { session } from '#lib/session/session.svelte.ts';

/** Only for people who are signed in. Others sign in first, and come back. */
export const load = async ({ url }) => {
  if (session.user || (session.known && (await session.reload()))) return;
  if (session.known) throw new Unreachable(); // not refused: the API did not answer
  redirect(307, `/sign-in?next=${encodeURIComponent(url.pathname + url.search)}`);
};
