import { SvelteSet } from 'svelte/reactivity';

type Item = { id: string };

/** Which files are selected, by id, so that it survives polls; and where a range begins. */
export class Selection {
  readonly ids = new SvelteSet<string>();
  #anchor: string | null = null;

  only(id: string): void {
    this.ids.clear();
    this.ids.add(id);
    this.#anchor = id;
  }

  toggle(id: string): void {
    if (!this.ids.delete(id)) this.ids.add(id);
    this.#anchor = id;
  }

  /** Select all from the anchor to a place, and nothing else. */
  range(items: readonly Item[], to: number): void {
    const anchor = Math.max(0, items.findIndex((item) => item.id === this.#anchor));
    this.ids.clear();
    for (const item of items.slice(Math.min(anchor, to), Math.max(anchor, to) + 1)) this.ids.add(item.id);
  }

  /** Begin the next range here. */
  anchor(id: string): void {
    this.#anchor = id;
  }

  all(items: readonly Item[]): void {
    for (const item of items) this.ids.add(item.id);
  }

  clear(): void {
    this.ids.clear();
  }
}
