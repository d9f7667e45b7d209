import { describe, expect, it } from 'vitest';
import type { ListedUser, Permission, Role } from '#lib/api/types.ts';
import { firstPageFor, mayChange, maySet, pagesFor, whyNotGranted } from './rights.ts';

const role = (name: string, ...permissions: string[]) => ({ name, permissions }) as Role;
const ROLES = [role('superuser', 'projects.any', 'users.read', 'tasks.run'), role('admin', 'users.read'), role('ops', 'tasks.run')];
const ADMIN = ['users.read', 'users.update'];
const SUPERUSER = ['projects.any'];

describe('the pages of the administration', () => {
  it('are those that the permissions open', () => {
    expect(pagesFor(['audit.read']).map(({ label }) => label)).toEqual(['Audit', 'Health']);
    expect(pagesFor(['projects.create'])).toEqual([]);
    expect([firstPageFor(['tasks.read']), firstPageFor([])]).toEqual(['/admin/tasks', '/admin/users']);
  });
});

describe('what someone may give and change', () => {
  it('is what they hold; a superuser holds everything, and is made by the operator only', () => {
    expect(ROLES.map((each) => whyNotGranted(each, ADMIN) === '')).toEqual([false, true, false]);
    expect(ROLES.map((each) => whyNotGranted(each, SUPERUSER) === '')).toEqual([false, true, true]);
  });

  it('are users who have no more', () => {
    const user = (...roles: string[]) => ({ roles }) as ListedUser;
    expect([mayChange(user('admin'), ROLES, ADMIN), mayChange(user('admin', 'ops'), ROLES, ADMIN)]).toEqual([true, false]);
    expect(mayChange(user('superuser'), ROLES, SUPERUSER)).toBe(true);
  });

  it('are permissions that roles can have', () => {
    const permission = (name: string, grantable: boolean) => ({ name, grantable }) as Permission;
    expect(maySet(permission('users.read', true), ADMIN)).toBe(true);
    expect(maySet(permission('tasks.run', true), ADMIN)).toBe(false);
    expect(maySet(permission('projects.any', false), SUPERUSER)).toBe(false);
  });
});
