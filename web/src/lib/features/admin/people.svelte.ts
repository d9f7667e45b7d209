import { SvelteMap } from 'svelte/reactivity';
import { call } from '#lib/api/client.ts';
import { ApiError } from '#lib/api/problems.ts';
import type { ListedUser } from '#lib/api/types.ts';
import { session } from '#lib/session/session.svelte.ts';

const USER_ID = /^[0-9a-z]{26}$/;
const AT_ONCE = 4;

/** Who is behind IDs of users: read once each, if the permissions allow it. */
class People {
  readonly #names = new SvelteMap<string, string>();
  readonly #asked = new Set<string>();
  readonly #waiting: string[] = [];
  #running = 0;

  /** Return the email address of a user, or an empty text while it is not known. */
  nameOf(id: string): string {
    return id === session.user?.id ? session.user.email : (this.#names.get(id) ?? '');
  }

  /** Read who these are. What is no ID of a user, or was asked for, is left out. */
  find(ids: Iterable<string>): void {
    if (!session.user?.permissions.includes('users.read')) return;
    for (const id of ids) {
      if (this.#asked.has(id) || id === session.user.id || !USER_ID.test(id)) continue;
      this.#asked.add(id);
      this.#waiting.push(id);
    }
    while (this.#running < AT_ONCE && this.#waiting.length) void this.#work();
  }

  async #work(): Promise<void> {
    this.#running += 1;
    for (let id = this.#waiting.shift(); id; id = this.#waiting.shift()) {
      try {
        this.#names.set(id, (await call<ListedUser>(`/users/${id}`)).email);
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) this.#names.set(id, 'a deleted user');
        else this.#asked.delete(id);
      }
    }
    this.#running -= 1;
  }
}

export const people = new People();
