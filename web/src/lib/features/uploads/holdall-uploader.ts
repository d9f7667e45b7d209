import { BasePlugin, type Body, type Meta, type PluginOpts, type Uppy, type UppyFile } from '@uppy/core';
import { filterFilesToEmitUploadStarted, filterFilesToUpload, TaskQueue } from '@uppy/core/utils';
import { sentence } from '#lib/api/problems.ts';
import { isOver, PutFailed, putBytes, transfer } from './transfer.ts';

const FILES_AT_ONCE = 3;

/** What an entry of the queue keeps, also over a reload. */
export type EntryMeta = Meta & { key: string; projectId: string; fileId?: string; relativePath?: string; uploadId?: string };

/** Uppy's uploader for Holdall's own contract. */
export class HoldallUploader<M extends EntryMeta, B extends Body> extends BasePlugin<PluginOpts, M, B> {
  #queue = new TaskQueue({ concurrency: FILES_AT_ONCE });

  constructor(uppy: Uppy<M, B>, options?: PluginOpts) {
    super(uppy, options);
    this.type = 'uploader';
    this.id = 'HoldallUploader';
  }

  override install(): void {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, resumableUploads: true } });
    this.uppy.addUploader(this.#upload);
  }

  override uninstall(): void {
    this.uppy.removeUploader(this.#upload);
    this.#queue.clear();
  }

  #upload = async (ids: string[]): Promise<void> => {
    const files = filterFilesToUpload(this.uppy.getFilesByIds(ids));
    this.uppy.emit('upload-start', filterFilesToEmitUploadStarted(files));
    await Promise.allSettled(files.map((file) => this.#queue.add((signal) => this.#one(file, signal))));
  };

  async #one(file: UppyFile<M, B>, signal: AbortSignal): Promise<void> {
    const control = new Control(this.uppy, file.id, signal);
    try {
      const result = await this.#untilDone(file, control);
      this.uppy.emit('upload-success', this.uppy.getFile(file.id), { status: 200, body: result as unknown as B, uploadURL: '' });
    } catch (error) {
      if (control.isRemoved) return;
      const reason = error instanceof PutFailed ? error.message : sentence(error);
      this.uppy.emit('upload-error', this.uppy.getFile(file.id), new Error(reason));
    } finally {
      control.release();
    }
  }

  /** Transfer the file, over pauses, and anew if what an earlier attempt began is over. */
  async #untilDone(file: UppyFile<M, B>, control: Control<M, B>): Promise<object> {
    let isAnew = false;
    for (;;) {
      await control.resumed();
      const { meta } = this.uppy.getFile(file.id);
      const { signal } = control; // a resume makes another
      const progress = (bytesUploaded: number) => this.#tell(file.id, bytesUploaded);
      try {
        const begun = (uploadId: string) => this.uppy.setFileMeta(file.id, { uploadId } as Partial<M> as M);
        const steps = { begun, put: putBytes, progress, signal };
        return await transfer(file.data as Blob, file.name ?? '', meta, meta.key, steps);
      } catch (error) {
        if (control.isRemoved) throw error;
        if (signal.aborted) continue; // a pause, which may be over
        if (!isOver(error) || isAnew) throw error;
        isAnew = true;
        this.uppy.setFileMeta(file.id, { key: crypto.randomUUID() } as Partial<M> as M);
      }
    }
  }

  #tell(id: string, bytesUploaded: number): void {
    const file = this.uppy.getFile(id);
    if (!file) return;
    const uploadStarted = file.progress.uploadStarted ?? Date.now();
    this.uppy.emit('upload-progress', file, { uploadStarted, bytesUploaded, bytesTotal: file.size });
  }
}

/** Pause, resume and removal of one file. Each pause aborts the requests of this file. */
class Control<M extends Meta, B extends Body> {
  isRemoved = false;
  #abort = new AbortController();
  #resume: PromiseWithResolvers<void> | null = null;
  #uppy: Uppy<M, B>;
  #id: string;

  constructor(uppy: Uppy<M, B>, id: string, signal: AbortSignal) {
    this.#uppy = uppy;
    this.#id = id;
    signal.addEventListener('abort', () => this.#end());
    uppy.on('upload-pause', this.#onPause);
    uppy.on('file-removed', this.#onRemoved);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async resumed(): Promise<void> {
    await this.#resume?.promise;
    if (this.isRemoved) throw new DOMException('Removed', 'AbortError');
  }

  release(): void {
    this.#uppy.off('upload-pause', this.#onPause);
    this.#uppy.off('file-removed', this.#onRemoved);
  }

  #onPause = (file: UppyFile<M, B> | undefined, isPaused: boolean): void => {
    if (file?.id !== this.#id) return;
    if (isPaused) {
      this.#resume ??= Promise.withResolvers<void>();
      this.#abort.abort();
    } else {
      this.#abort = new AbortController();
      this.#resume?.resolve();
      this.#resume = null;
    }
  };

  #onRemoved = (file: UppyFile<M, B>): void => {
    if (file.id === this.#id) this.#end();
  };

  #end(): void {
    this.isRemoved = true;
    this.#abort.abort();
    this.#resume?.resolve();
  }
}
