import { readPage } from './client.ts';
import type { Page } from './types.ts';

/** The page of a list that the address asks for. Answers may overtake each other: the one that was asked for last counts. */
export class ListedPage<T> {
  found = $state.raw<Page<T> | null>(null);
  error = $state.raw<unknown>(null);
  #asked = 0;

  /** Read a page, and return it, or null if it could not be read, or another was asked for meanwhile. */
  async read(path: string): Promise<Page<T> | null> {
    const number = ++this.#asked;
    try {
      const found = await readPage<T>(path);
      if (number !== this.#asked) return null;
      this.found = found;
      this.error = null;
      return found;
    } catch (error) {
      if (number === this.#asked) this.error = error;
      return null;
    }
  }
}
