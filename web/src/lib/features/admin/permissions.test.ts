import { describe, expect, it, vi } from 'vitest';
import { call } from '#lib/api/client.ts';
import type { Permission, Role } from '#lib/api/types.ts';
import { groupsOf, labelOf, saveRole } from './permissions.ts';

vi.mock('#lib/api/client.ts', () => ({ call: vi.fn(), readAll: vi.fn() }));

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

describe('a role that is saved', () => {
  it('gets what was ticked and loses what was cleared, and keeps what someone else changed meanwhile', async () => {
    const read = { name: 'support', permissions: ['a.kept', 'b.cleared', 'c.taken'] } as Role;
    vi.mocked(call).mockResolvedValueOnce({ ...read, permissions: ['a.kept', 'b.cleared', 'd.theirs'] });
    await saveRole(read, ['a.kept', 'c.taken', 'e.ticked']);
    const json = { description: undefined, permissions: ['a.kept', 'd.theirs', 'e.ticked'] };
    expect(vi.mocked(call)).toHaveBeenLastCalledWith('/roles/support', { method: 'PATCH', json });
  });
});
