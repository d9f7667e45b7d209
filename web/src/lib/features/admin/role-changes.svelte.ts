import { SvelteMap } from 'svelte/reactivity';
import type { Role } from '#lib/api/types.ts';

/** What was ticked and cleared in the grid of roles. It is what is wished, also if someone else changes a role meanwhile. */
export class RoleChanges {
  readonly #wished = new SvelteMap<string, boolean>();

  has(role: Role, permission: string): boolean {
    return this.#wished.get(key(role, permission)) ?? role.permissions.includes(permission);
  }

  isChanged(role: Role, permission: string): boolean {
    return this.has(role, permission) !== role.permissions.includes(permission);
  }

  toggle(role: Role, permission: string): void {
    this.#wished.set(key(role, permission), !this.has(role, permission));
  }

  /** Forget what was wished of a role, because it is saved. */
  forget(role: Role): void {
    for (const each of [...this.#wished.keys()]) if (each.startsWith(key(role, ''))) this.#wished.delete(each);
  }

  clear(): void {
    this.#wished.clear();
  }
}

const key = (role: Role, permission: string) => `${role.name} ${permission}`;
