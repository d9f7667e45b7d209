import { readPage } from '#lib/api/client.ts';
import type { FileView, Page } from '#lib/api/types.ts';

export type FileQuery = { sort: 'newest' | 'name'; kind: 'image' | 'file' | null; prefix: string };
export type ReadFiles = (path: string) => Promise<Page<FileView>>;

const PAGE_SIZE = 100;
export const MOST_FILES = 50_000; // past them, a person has to search

/** The files of a project in one order: the pages that were read, and what changed in them since. */
export class FileList {
  items = $state.raw<readonly FileView[]>([]);
  state = $state<'loading' | 'ready' | 'failed'>('loading');
  error = $state.raw<unknown>(null);
  hasMore = $state(true);
  readonly projectId: string;
  readonly query: FileQuery;
  readonly #read: ReadFiles;
  readonly #hidden = new Map<string, symbol>(); // removed here, while the API still lists them; by whom
  #next: string | null = null;
  #asked = 0; // counts the reads of the first page, and deletions
  #valid = 0; // an answer that was asked for earlier is out of date
  #reading: Promise<void> | null = null;

  constructor(projectId: string, query: FileQuery, read: ReadFiles = readPage<FileView>) {
    this.projectId = projectId;
    this.query = query;
    this.#read = read;
  }

  /** Whether something is being processed, so that it is worth asking again soon. */
  get isProcessing(): boolean {
    return this.items.some(
      (file) => file.status === 'processing' || file.variants.some((variant) => variant.status === 'processing'),
    );
  }

  /** Read the next page. Calls at the same time share one request. */
  readMore(): Promise<void> {
    if (!this.hasMore || this.items.length >= MOST_FILES) return Promise.resolve();
    this.#reading ??= this.#readNext().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async readAll(): Promise<void> {
    while (this.hasMore && this.state === 'ready' && this.items.length < MOST_FILES) await this.readMore();
  }

  /** Take up what the first page says now: new files, changed ones, and which are gone. */
  async refresh(): Promise<void> {
    if (this.state !== 'ready') return this.readMore();
    const asked = ++this.#asked;
    const page = await this.#read(this.#path(null));
    if (asked < this.#valid) return this.refresh();
    this.#valid = asked;
    const first = page.data.filter((file) => !this.#hidden.has(file.id));
    const last = page.data.at(-1);
    const end = last ? this.items.findIndex((file) => file.id === last.id) : -1;
    if (!page.pagination.hasNext || end < 0) {
      // All of the list, or so much is new that nothing fits together: begin again with this page.
      this.items = first;
      this.#next = page.pagination.next;
      this.hasMore = page.pagination.hasNext;
      return;
    }
    const ids = new Set(page.data.map((file) => file.id));
    this.items = [...first, ...this.items.slice(end + 1).filter((file) => !ids.has(file.id))];
  }

  /** Put a changed file in the place of the old one. */
  replace(file: FileView): void {
    this.items = this.items.map((item) => (item.id === file.id ? file : item));
  }

  /** Take files out. They stay hidden until `show`, also if the API still lists them. Returns it: it shows some, or all. */
  hide(ids: ReadonlySet<string>): (some?: ReadonlySet<string>) => void {
    const before = this.items;
    const owner = Symbol('hidden');
    for (const id of ids) this.#hidden.set(id, owner);
    this.items = before.filter((file) => !ids.has(file.id));
    return (some = ids) => {
      const returning = new Set([...some].filter((id) => this.#hidden.get(id) === owner));
      for (const id of returning) this.#hidden.delete(id);
      this.items = putBack(this.items, before, returning);
    };
  }

  /** Trust the API again about these files. */
  settle(ids: ReadonlySet<string>): void {
    for (const id of ids) this.#hidden.delete(id);
    this.#valid = ++this.#asked;
  }

  async #readNext(): Promise<void> {
    if (!this.items.length) this.state = 'loading';
    try {
      const page = await this.#read(this.#path(this.#next));
      const known = new Set(this.items.map((file) => file.id));
      const fresh = page.data.filter((file) => !known.has(file.id) && !this.#hidden.has(file.id));
      this.items = [...this.items, ...fresh];
      this.#next = page.pagination.next;
      this.hasMore = page.pagination.hasNext;
      this.state = 'ready';
    } catch (error) {
      this.error = error;
      this.state = 'failed';
    }
  }

  #path(cursor: string | null): string {
    const { kind, prefix, sort } = this.query;
    const query = new URLSearchParams({ projectId: this.projectId, limit: String(PAGE_SIZE), signed: 'true' });
    // The API takes one of these; a prefix is always sorted by name, a kind by newest.
    if (prefix) query.set('prefix', prefix);
    else if (kind) query.set('kind', kind);
    else query.set('sort', sort);
    if (cursor) query.set('cursor', cursor);
    return `/files?${query}`;
  }
}

/** Return `now` with the files of `before` that have these ids, each behind the file that it was behind. */
function putBack(now: readonly FileView[], before: readonly FileView[], ids: ReadonlySet<string>): FileView[] {
  const result = now.filter((file) => !ids.has(file.id));
  let position = 0;
  for (const file of before) {
    if (ids.has(file.id)) {
      result.splice(position, 0, file);
      position += 1;
    } else {
      const index = result.findIndex((item) => item.id === file.id);
      if (index >= 0) position = index + 1;
    }
  }
  return result;
}
