import { call, readAll } from '#lib/api/client.ts';
import type { Permission, Role } from '#lib/api/types.ts';

export type PermissionGroup = { label: string; permissions: Permission[] };
export type RolesAndPermissions = { roles: Role[]; groups: PermissionGroup[] };

const GROUPS: Record<string, string> = {
  projects: 'Projects',
  users: 'Users',
  roles: 'Roles',
  permissions: 'Permissions',
  audit: 'Audit log',
  jobs: 'Jobs',
  tasks: 'Tasks',
};

/** Read all roles, those of Holdall first, and the permissions that roles can have. */
export async function readRoles(mayReadPermissions: boolean): Promise<RolesAndPermissions> {
  const [roles, listed] = await Promise.all([
    readAll<Role>('/roles'),
    mayReadPermissions ? readAll<Permission>('/permissions') : null,
  ]);
  const sorted = [...roles].sort(
    (one, other) => Number(other.builtIn) - Number(one.builtIn) || (one.builtIn ? other.permissions.length - one.permissions.length : 0),
  );
  return { roles: sorted, groups: groupsOf(listed ?? namesOf(roles), roles) };
}

/** Return the permissions of the whole installation by what they are about. Those of members of a project are not among them. */
export function groupsOf(permissions: readonly Permission[], roles: readonly Role[]): PermissionGroup[] {
  const held = new Set(roles.flatMap((role) => role.permissions));
  const groups = new Map<string, PermissionGroup>();
  for (const [prefix, label] of Object.entries(GROUPS)) groups.set(prefix, { label, permissions: [] });
  for (const permission of permissions) {
    if (!permission.grantable && !held.has(permission.name)) continue;
    const prefix = permission.name.split('.')[0] ?? '';
    if (!groups.has(prefix)) groups.set(prefix, { label: prefix, permissions: [] });
    groups.get(prefix)?.permissions.push(permission);
  }
  return [...groups.values()].filter((group) => group.permissions.length);
}

/** Return what a permission allows, as a short text. */
export function labelOf(permission: Permission): string {
  return permission.description.replace(/\.$/, '') || permission.name;
}

/** Save what was ticked and cleared since a role was read. What someone else changed of it meanwhile stays. */
export async function saveRole(role: Role, permissions: Iterable<string>, description?: string): Promise<Role> {
  const wished = new Set(permissions);
  const before = new Set(role.permissions);
  const path = `/roles/${role.name}`;
  const current = (await call<Role>(path)).permissions.filter((name) => wished.has(name) || !before.has(name));
  const added = [...wished].filter((name) => !before.has(name));
  const json = { description, permissions: [...new Set([...current, ...added])].sort() };
  return call<Role>(path, { method: 'PATCH', json });
}

/** Someone who may see roles but no permissions sees those that the roles have, by name. */
function namesOf(roles: readonly Role[]): Permission[] {
  const names = [...new Set(roles.flatMap((role) => role.permissions))].sort();
  return names.map((name) => ({ name, description: '', builtIn: true, grantable: false }));
}
