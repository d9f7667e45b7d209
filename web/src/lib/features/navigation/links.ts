import CloudUpload from '@lucide/svelte/icons/cloud-upload';
import Code from '@lucide/svelte/icons/code';
import FolderOpen from '@lucide/svelte/icons/folder-open';
import Images from '@lucide/svelte/icons/images';
import KeyRound from '@lucide/svelte/icons/key-round';
import ListChecks from '@lucide/svelte/icons/list-checks';
import Settings from '@lucide/svelte/icons/settings';
import ShieldCheck from '@lucide/svelte/icons/shield-check';
import Trash2 from '@lucide/svelte/icons/trash-2';
import UserRound from '@lucide/svelte/icons/user-round';
import Users from '@lucide/svelte/icons/users';
import type { Project } from '#lib/api/types.ts';

/** A page that the navigation leads to. */
export type NavigationLink = {
  label: string;
  path: string; // of a project's page: below /projects/{id}
  icon: typeof Images;
  group: 'top' | 'project' | 'bottom';
  inBar?: boolean; // in the bottom bar of a phone; at most four, the others are behind "More"
  ownersOnly?: boolean; // of a project
  anyOf?: readonly string[]; // permissions, of which one is enough
};

/** All pages of the navigation, in its order. A new page is one line. */
export const LINKS: readonly NavigationLink[] = [
  { label: 'Projects', path: '/projects', icon: FolderOpen, group: 'top', inBar: true },
  { label: 'Files', path: '/files', icon: Images, group: 'project', inBar: true },
  { label: 'Uploads', path: '/uploads', icon: CloudUpload, group: 'project' },
  { label: 'Trash', path: '/trash', icon: Trash2, group: 'project', inBar: true },
  { label: 'Jobs', path: '/jobs', icon: ListChecks, group: 'project' },
  { label: 'Members', path: '/members', icon: Users, group: 'project' },
  { label: 'API keys', path: '/keys', icon: KeyRound, group: 'project', ownersOnly: true },
  { label: 'Use the API', path: '/use', icon: Code, group: 'project' },
  { label: 'Settings', path: '/settings', icon: Settings, group: 'project' },
  { label: 'Admin', path: '/admin', icon: ShieldCheck, group: 'bottom', anyOf: ['users.read', 'roles.read', 'audit.read', 'jobs.admin', 'tasks.read'] },
  { label: 'Account', path: '/account', icon: UserRound, group: 'bottom', inBar: true },
];

/** Who looks at the navigation, and where. */
export type Viewer = {
  projectId: string | undefined; // of the open project
  role: Project['role'] | undefined; // in it, once it is known
  permissions: readonly string[];
};

/** A link for someone: with its full address. */
export type ShownLink = NavigationLink & { href: string };

/** Return the links that someone may follow. */
export function linksFor({ projectId, role, permissions }: Viewer, links = LINKS): ShownLink[] {
  return links
    .filter((link) => link.group !== 'project' || projectId)
    .filter((link) => !link.ownersOnly || !role || role === 'owner')
    .filter((link) => !link.anyOf || link.anyOf.some((permission) => permissions.includes(permission)))
    .map((link) => ({ ...link, href: link.group === 'project' ? `/projects/${projectId}${link.path}` : link.path }));
}

/** Return the link that a page belongs to: the one with the longest address that the page is at, or below. */
export function linkOf(pathname: string, links: readonly ShownLink[]): ShownLink | undefined {
  return links
    .filter(({ href }) => pathname === href || pathname.startsWith(`${href}/`))
    .sort((one, other) => other.href.length - one.href.length)[0];
}
