import { describe, expect, it } from 'vitest';
import type { Role } from '#lib/api/types.ts';
import { RoleChanges } from './role-changes.svelte.ts';

const role = (...permissions: string[]) => ({ name: 'support', permissions }) as Role;

describe('what was ticked and cleared', () => {
  it('is a change until it is taken back', () => {
    const changes = new RoleChanges();
    changes.toggle(role('users.read'), 'audit.read');
    expect([changes.has(role(), 'audit.read'), changes.isChanged(role(), 'audit.read')]).toEqual([true, true]);
    changes.toggle(role('users.read'), 'audit.read');
    expect(changes.isChanged(role(), 'audit.read')).toBe(false);
  });

  it('stays ticked when the role has it meanwhile, as after a save whose answer was lost', () => {
    const changes = new RoleChanges();
    changes.toggle(role(), 'audit.read');
    const stored = role('audit.read');
    expect([changes.has(stored, 'audit.read'), changes.isChanged(stored, 'audit.read')]).toEqual([true, false]);
  });

  it('is forgotten of a role that is saved, and only of it', () => {
    const changes = new RoleChanges();
    const other = { name: 'support-2', permissions: [] as string[] } as Role;
    [role(), other].forEach((each) => changes.toggle(each, 'audit.read'));
    changes.forget(role());
    expect([role(), other].map((each) => changes.has(each, 'audit.read'))).toEqual([false, true]);
  });
});
