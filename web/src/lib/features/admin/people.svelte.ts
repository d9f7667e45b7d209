import { SvelteMap } from 'svelte/reactivity';
import { readPage } from '#lib/api/client.ts';
import type { ListedUser } from '#lib/api/types.ts';
import { session } from '#lib/session/session.svelte.ts';

const USER_ID = /^[0-9a-z]{26}$/;
const MOST = 100; // in a request

/** Who is behind IDs of users: read together and once, if the permissions allow it. */
class People {
  readonly #names = new SvelteMap<string, string>();
  readonly #asked = new Set<string>();

  /** Return the email address of a user, or an empty text while it is not known. */
  nameOf(id: string): string {
    return id === session.user?.id ? session.user.email : (this.#names.get(id) ?? '');
  }

  /** Read who these are. What is no ID of a user, or was asked for, is left out. */
  async find(ids: Iterable<string>): Promise<void> {
    if (!session.user?.permissions.includes('users.read')) return;
    const own = session.user.id;
    const sought = [...new Set(ids)].filter((id) => id !== own && USER_ID.test(id) && !this.#asked.has(id)).slice(0, MOST);
    if (!sought.length) return;
    sought.forEach((id) => this.#asked.add(id));
    const query = new URLSearchParams([['limit', String(MOST)], ...sought.map((id) => ['id', id])]);
    try {
      const found = (await readPage<ListedUser>(`/users?${query}`)).data;
      for (const id of sought) this.#names.set(id, found.find((user) => user.id === id)?.email ?? 'a deleted user');
    } catch {
      sought.forEach((id) => this.#asked.delete(id)); // the IDs stay in sight, and the next page asks again
    }
  }
}

export const people = new People();
