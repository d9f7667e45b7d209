import { call } from '#lib/api/client.ts';
import { notices } from '#lib/ui/notices.svelte.ts';
import { session } from '#lib/session/session.svelte.ts';
import type { Engine } from './engine.ts';
import type { Target } from './transfer.ts';

export type EntryState = 'waiting' | 'sending' | 'paused' | 'done' | 'failed' | 'lost';
export type Entry = {
  id: string;
  name: string;
  projectId: string;
  size: number;
  sent: number;
  state: EntryState;
  reason: string;
};

const FLAG = 'holdall.uploads'; // set while something is on its way, so that a reload takes it up again
const EVERY = 100; // milliseconds between two updates of the tray

/** What is being uploaded, for the tray. The engine, which is Uppy, is loaded with the first file. */
class Uploads {
  entries = $state.raw<readonly Entry[]>([]);
  finished = $state(0); // grows with each file that has arrived
  #engine: Promise<Engine> | null = null;
  #userId = '';

  get isActive(): boolean {
    return this.entries.some((entry) => ['waiting', 'sending', 'paused'].includes(entry.state));
  }

  /** Put files into the queue. */
  async add(files: readonly File[], target: Target): Promise<void> {
    const engine = await this.#open();
    localStorage.setItem(FLAG, '1');
    for (const data of files) {
      // Uppy's plugin of dropped folders adds this property; a folder of an input has the other.
      const path = (data as File & { relativePath?: string }).relativePath || data.webkitRelativePath;
      const folder = path?.includes('/') ? path.replace(/^\//, '') : undefined;
      const meta = { ...target, ...(folder ? { relativePath: folder } : {}), key: crypto.randomUUID() };
      try {
        engine.addFile({ name: data.name, type: data.type, data, source: meta.key, meta: { ...meta, name: data.name } });
      } catch (error) {
        notices.fail(`"${data.name}" was not added. ${error instanceof Error ? error.message : ''}`);
      }
    }
  }

  /** Take up what a reload interrupted. */
  async resume(): Promise<void> {
    if (localStorage.getItem(FLAG)) await this.#open();
  }

  async togglePause(id: string): Promise<void> {
    (await this.#engine)?.pauseResume(id);
  }

  /** Take an entry out of the queue, and abort its upload, which would reserve room until it expires. */
  async cancel(id: string): Promise<void> {
    const engine = await this.#engine;
    const uploadId = engine?.getFile(id)?.meta.uploadId;
    engine?.removeFile(id);
    if (uploadId) await call(`/uploads/${uploadId}`, { method: 'DELETE' }).catch(() => {}); // it may be over
  }

  /** Take the entry of an upload out of the queue, if this tab has it. */
  async drop(uploadId: string): Promise<void> {
    const engine = await this.#engine;
    const file = engine?.getFiles().find((each) => each.meta.uploadId === uploadId);
    if (file) engine?.removeFile(file.id);
  }

  async retry(id: string): Promise<void> {
    await (await this.#engine)?.retryUpload(id);
  }

  /** Forget what has arrived or failed. */
  async clear(): Promise<void> {
    const over = this.entries.filter((entry) => !['waiting', 'sending', 'paused'].includes(entry.state));
    (await this.#engine)?.removeFiles(over.map((entry) => entry.id));
  }

  /** Empty the queue, because its user signs out. */
  async end(): Promise<void> {
    (await this.#engine)?.cancelAll();
    (await this.#engine)?.destroy();
    this.#engine = null;
    this.entries = [];
    localStorage.removeItem(FLAG);
  }

  #open(): Promise<Engine> {
    const userId = session.user?.id ?? '';
    if (this.#engine && this.#userId === userId) return this.#engine;
    this.#userId = userId;
    const engine = this.#make(userId);
    engine.catch(() => (this.#engine = null)); // the next file tries again
    return (this.#engine = engine);
  }

  async #make(userId: string): Promise<Engine> {
    // A module that was not loaded once may not be asked for again.
    if (!navigator.onLine) await new Promise((resolve) => addEventListener('online', resolve, { once: true }));
    const [{ makeEngine }, isOwner] = await Promise.all([import('./engine.ts'), ownQueue()]);
    const engine = makeEngine(userId, isOwner);
    let isDue = false;
    engine.on('state-update', () => {
      if (isDue) return;
      isDue = true;
      setTimeout(() => {
        isDue = false;
        this.#show(engine);
      }, EVERY);
    });
    engine.on('upload-success', () => (this.finished += 1));
    engine.on('restored', () => {
      this.#show(engine);
      if (!engine.getFiles().some((file) => file.isGhost)) engine.emit('restore-confirmed');
    });
    return engine;
  }

  #show(engine: Engine): void {
    this.entries = engine.getFiles().map((file) => ({
      id: file.id,
      name: file.name ?? '',
      projectId: file.meta.projectId,
      size: file.size ?? 0,
      sent: file.progress.uploadComplete ? (file.size ?? 0) : Number(file.progress.bytesUploaded || 0),
      state: stateOf(file),
      reason: file.error ?? '',
    }));
    if (!this.isActive) localStorage.removeItem(FLAG);
  }
}

function stateOf(file: ReturnType<Engine['getFile']>): EntryState {
  if (file.progress.uploadComplete) return 'done';
  if (file.isGhost) return 'lost';
  if (file.error) return 'failed';
  if ('isPaused' in file && file.isPaused) return 'paused';
  return file.progress.uploadStarted ? 'sending' : 'waiting';
}

/** Take the queue for this tab, for as long as it lives. Returns false if another tab has it. */
function ownQueue(): Promise<boolean> {
  return new Promise((resolve) => {
    void navigator.locks.request(FLAG, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise(() => {}) : undefined;
    });
  });
}

export const uploads = new Uploads();
