import { redirect } from '@sveltejs/kit';
import { session } from '#lib/session/session.svelte.ts';

export const load = () => redirect(307, session.known ? '/projects' : '/sign-in');
