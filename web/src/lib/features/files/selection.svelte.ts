import { SvelteSet } from 'svelte/reactivity';

type Item = { id: string };

/** Which files are selected, by id, so that it survives polls; and where a range begins. */
export class Selection {
  readonly ids = new SvelteSet<string>();
  /** Whether all that is loaded was selected at once, and nothing else since. */
  isAll = $state(false);
  #anchor: string | null = null;

  only(id: string): void {
    this.isAll = false;
    this.ids.clear();
    this.ids.add(id);
    this.#anchor = id;
  }

  toggle(id: string): void {
    this.isAll = false;
    if (!this.ids.delete(id)) this.ids.add(id);
    this.#anchor = id;
  }

  /** Select all from the anchor to a place, and nothing else. */
  range(items: readonly Item[], to: number): void {
    this.isAll = false;
    const anchor = Math.max(0, items.findIndex((item) => item.id === this.#anchor));
    this.ids.clear();
    for (const item of items.slice(Math.min(anchor, to), Math.max(anchor, to) + 1)) this.ids.add(item.id);
  }

  /** Begin the next range here. */
  anchor(id: string): void {
    this.#anchor = id;
  }

  all(items: readonly Item[]): void {
    this.isAll = true;
    for (const item of items) this.ids.add(item.id);
  }

  clear(): void {
    this.isAll = false;
    this.ids.clear();
  }
}
