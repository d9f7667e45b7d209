import { describe, expect, it } from 'vitest';
import type { Permission, Role } from '#lib/api/types.ts';
import { groupsOf, labelOf } from './permissions.ts';

const permission = (name: string, grantable = true, description = '') => ({ name, grantable, description, builtIn: true }) as Permission;
const ROLES = [{ name: 'superuser', permissions: ['projects.any', 'users.read'] }] as Role[];

describe('the groups of permissions', () => {
  it('have what roles can have or have, by what it is about, and the own ones of an installation last', () => {
    const permissions = [permission('billing.read'), permission('files.read', false), permission('projects.any', false), permission('users.read')];
    expect(groupsOf(permissions, ROLES).map(({ label, permissions: each }) => [label, each.map(({ name }) => name)])).toEqual([
      ['Projects', ['projects.any']],
      ['Users', ['users.read']],
      ['billing', ['billing.read']],
    ]);
  });

  it('tell a permission by its description, or by its name', () => {
    expect([labelOf(permission('users.read', true, 'Read users.')), labelOf(permission('x.y'))]).toEqual(['Read users', 'x.y']);
  });
});
