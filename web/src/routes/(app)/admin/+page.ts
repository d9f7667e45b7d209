import { redirect } from '@sveltejs/kit';
import { firstPageFor } from '#lib/features/admin/rights.ts';
import { session } from '#lib/session/session.svelte.ts';

/** Lead to the first page that someone may see. */
export const load = async ({ parent }) => {
  await parent();
  redirect(307, firstPageFor(session.user?.permissions ?? []));
};
