import { readPage } from '#lib/api/client.ts';
import type { Job, Page } from '#lib/api/types.ts';
import { isOpen } from './kinds.ts';

export type JobFilter = 'all' | 'open' | 'failed';
export type ReadJobs = (path: string) => Promise<Page<Job>>;

const PAGE_SIZE = 50;
const STATUSES: Record<JobFilter, readonly (Job['status'] | null)[]> = {
  all: [null],
  open: ['processing', 'pending'], // the API takes one status
  failed: ['failed'],
};

/** The jobs of a project, newest first: the pages that were read, and what changed in the first since. */
export class JobList {
  items = $state.raw<readonly Job[]>([]);
  isReady = $state(false);
  error = $state.raw<unknown>(null);
  hasMore = $state(false);
  readonly #projectId: string;
  readonly #filter: JobFilter;
  readonly #read: ReadJobs;
  readonly #next = new Map<Job['status'] | null, string>();
  #isPaged = false;

  constructor(projectId: string, filter: JobFilter, read: ReadJobs = readPage<Job>) {
    this.#projectId = projectId;
    this.#filter = filter;
    this.#read = read;
  }

  get isBusy(): boolean {
    return this.items.some(isOpen);
  }

  /** Read the first page again. What was read of later pages stays behind it. */
  async refresh(): Promise<void> {
    try {
      const pages = await Promise.all(STATUSES[this.#filter].map((status) => this.#read(this.#path(status))));
      const first = pages.flatMap((page) => page.data).sort(newestFirst);
      if (!this.#isPaged || this.#filter === 'open') {
        this.#take(pages);
        this.items = first;
        this.#isPaged = false;
      } else {
        const ids = new Set(first.map((job) => job.id));
        const last = first.at(-1);
        this.items = [...first, ...this.items.filter((job) => !ids.has(job.id) && last && newestFirst(last, job) < 0)];
      }
      this.isReady = true;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  async readMore(): Promise<void> {
    try {
      const open = [...this.#next];
      const pages = await Promise.all(open.map(([status, cursor]) => this.#read(this.#path(status, cursor))));
      this.#take(pages, open.map(([status]) => status));
      const known = new Set(this.items.map((job) => job.id));
      const added = pages.flatMap((page) => page.data).filter((job) => !known.has(job.id));
      this.items = [...this.items, ...added].sort(newestFirst);
      this.#isPaged = true;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  /** Put a changed job in the place of the old one, which has the name of the file. */
  replace(job: Job): void {
    this.items = this.items.map((item) => (item.id === job.id ? { ...job, fileName: item.fileName } : item));
  }

  #take(pages: readonly Page<Job>[], statuses = STATUSES[this.#filter]): void {
    this.#next.clear();
    pages.forEach(({ pagination }, index) => {
      if (pagination.hasNext && pagination.next) this.#next.set(statuses[index] ?? null, pagination.next);
    });
    this.hasMore = this.#next.size > 0;
  }

  #path(status: Job['status'] | null, cursor?: string): string {
    const query = new URLSearchParams({ projectId: this.#projectId, limit: String(PAGE_SIZE) });
    if (status) query.set('status', status);
    if (cursor) query.set('cursor', cursor);
    return `/jobs?${query}`;
  }
}

function newestFirst(one: Job, other: Job): number {
  return Date.parse(other.createdAt) - Date.parse(one.createdAt) || (one.id < other.id ? 1 : -1);
}
