import { invalidate } from '$app/navigation';
import { callTagged, type Tagged } from '#lib/api/client.ts';
import { ApiError } from '#lib/api/problems.ts';
import type { Project, UpdateProject } from '#lib/api/types.ts';
import { differences, merge } from './merge.ts';

const MOST_ATTEMPTS = 5; // of a save, when others save at the same time

/** How a form shows a project, and what it sends for its changes. */
export type Mapping<D> = { toDraft: (project: Project) => D; toRequest: (draft: D, changed: (keyof D)[]) => UpdateProject };

/** A project that is being edited. It is saved only if it is still the one that was read. */
export class ProjectEditor<D extends object> {
  stored = $state.raw<Tagged<Project> | null>(null);
  draft = $state() as D; // set together with `stored`
  error = $state.raw<unknown>(null); // of reading
  conflicts = $state.raw<(keyof D)[]>([]); // what someone else changed meanwhile, and this person as well
  readonly #path: string;
  readonly #mapping: Mapping<D>;

  constructor(projectId: string, mapping: Mapping<D>) {
    this.#path = `/projects/${projectId}`;
    this.#mapping = mapping;
  }

  get project(): Project | null {
    return this.stored?.data ?? null;
  }

  get changed(): (keyof D)[] {
    return this.stored ? differences($state.snapshot(this.draft) as D, this.#mapping.toDraft(this.stored.data)) : [];
  }

  async read(): Promise<void> {
    try {
      this.#take(await callTagged<Project>(this.#path));
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  /** Save what was changed. Returns false if someone else changed the same meanwhile: see `conflicts`. Raises ApiError. */
  async save(): Promise<boolean> {
    for (let attempt = 1; this.stored; attempt++) {
      const sent = $state.snapshot(this.draft) as D;
      const json = this.#mapping.toRequest(sent, this.changed);
      try {
        const saved = await callTagged<Project>(this.#path, { method: 'PATCH', json, headers: { 'if-match': this.stored.etag } });
        const typed = merge($state.snapshot(this.draft) as D, sent, this.#mapping.toDraft(saved.data)).draft; // meanwhile
        this.#take(saved);
        this.draft = typed;
        void invalidate('holdall:project'); // the navigation has its name
        return true;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 412 || attempt === MOST_ATTEMPTS) throw error;
        await this.#mergeTheirs();
        if (this.conflicts.length) return false;
      }
    }
    return false;
  }

  /** Forget what was changed. */
  discard(): void {
    if (this.stored) this.#take(this.stored);
  }

  /** Keep what the other person made of the fields that both changed. */
  keepTheirs(): void {
    if (!this.stored) return;
    const theirs = this.#mapping.toDraft(this.stored.data);
    for (const key of this.conflicts) this.draft[key] = theirs[key];
    this.conflicts = [];
  }

  #take(stored: Tagged<Project>): void {
    this.stored = stored;
    this.draft = this.#mapping.toDraft(stored.data);
    this.conflicts = [];
  }

  async #mergeTheirs(): Promise<void> {
    const before = this.stored;
    const theirs = await callTagged<Project>(this.#path);
    if (!before) return;
    const { toDraft } = this.#mapping;
    const mine = $state.snapshot(this.draft) as D;
    const merged = merge(mine, toDraft(before.data), toDraft(theirs.data));
    this.stored = theirs;
    this.draft = merged.draft;
    this.conflicts = merged.conflicts;
  }
}
