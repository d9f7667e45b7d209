import type { ListedUser, Permission, Role } from '#lib/api/types.ts';

const ALL_PROJECTS = 'projects.any'; // only superusers have it, and they have all others too
const SUPERUSER = 'superuser';

export type AdminPageLink = { href: string; label: string; anyOf: readonly string[] };

/** The pages of the administration, and the permissions of which one opens each. */
export const ADMIN_PAGES: readonly AdminPageLink[] = [
  { href: '/admin/users', label: 'Users', anyOf: ['users.read'] },
  { href: '/admin/roles', label: 'Roles', anyOf: ['roles.read'] },
  { href: '/admin/audit', label: 'Audit', anyOf: ['audit.read'] },
  { href: '/admin/jobs', label: 'Jobs', anyOf: ['jobs.admin'] },
  { href: '/admin/tasks', label: 'Tasks', anyOf: ['tasks.read'] },
  { href: '/admin/health', label: 'Health', anyOf: ['users.read', 'roles.read', 'audit.read', 'jobs.admin', 'tasks.read'] },
];

/** Return the pages that someone with these permissions may open. */
export function pagesFor(permissions: readonly string[]): AdminPageLink[] {
  return ADMIN_PAGES.filter((page) => page.anyOf.some((permission) => permissions.includes(permission)));
}

/** Return the page that /admin leads to. Without any permission it is one that says who may see it. */
export function firstPageFor(permissions: readonly string[]): string {
  return (pagesFor(permissions)[0] ?? ADMIN_PAGES[0]!).href;
}

/** Return why someone with `held` permissions cannot give this role, or an empty text. The API decides by the same rule. */
export function whyNotGranted(role: Role, held: readonly string[]): string {
  if (role.name === SUPERUSER) return 'Only the operator makes superusers';
  return holdsAll(held, role.permissions) ? '' : 'It has permissions that you lack';
}

/** Return whether someone with `held` permissions may change this user: nobody lays hands on those who have more. */
export function mayChange(user: ListedUser, roles: readonly Role[], held: readonly string[]): boolean {
  const theirs = roles.filter((role) => user.roles.includes(role.name)).flatMap((role) => role.permissions);
  return holdsAll(held, theirs);
}

/** Return whether someone with `held` permissions may put this one into a role, or take it out. */
export function maySet(permission: Permission, held: readonly string[]): boolean {
  return permission.grantable && holdsAll(held, [permission.name]);
}

function holdsAll(held: readonly string[], required: readonly string[]): boolean {
  return held.includes(ALL_PROJECTS) || required.every((permission) => held.includes(permission));
}
