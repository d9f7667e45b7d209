import { session } from '#lib/session/session.svelte.ts';
import { FileList, type FileQuery } from '#lib/features/files/file-list.svelte.ts';

export const load = ({ params, url }) => {
  const kind = url.searchParams.get('kind');
  const query: FileQuery = {
    sort: url.searchParams.get('sort') === 'name' ? 'name' : 'newest',
    kind: kind === 'image' || kind === 'file' ? kind : null,
    prefix: url.searchParams.get('prefix') ?? '',
  };
  const list = new FileList(params.project, query);
  if (session.known) void list.readMore(); // beside `/auth/me`
  return { list };
};
