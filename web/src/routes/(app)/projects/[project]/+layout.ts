import { call } from '#lib/api/client.ts';
import type { Project } from '#lib/api/types.ts';
import { session } from '#lib/session/session.svelte.ts';

/** The project of the page. A promise, so that the page does not wait for it. */
export const load = ({ params, depends }) => {
  depends('holdall:project'); // after a change: invalidate('holdall:project')
  // Without a session, the layout above leads to the sign-in, and a request would only be refused.
  const project = session.known ? call<Project>(`/projects/${params.project}`) : new Promise<Project>(() => {});
  project.catch(() => {}); // the page shows it
  return { project };
};
