import { call, type Call } from '#lib/api/client.ts';
import { ApiError, Unreachable } from '#lib/api/problems.ts';
import type { InitUpload, SignedPart } from '#lib/api/types.ts';

export const HASHED_BELOW = 100 * 2 ** 20; // bytes: the browser reads a whole file into memory to hash it
const PARTS_AT_ONCE = 4;
const PARTS_PER_SIGNING = 100;
const ATTEMPTS = 5;

export type Target = { projectId: string; fileId?: string; relativePath?: string };
export type Committed = { fileId: string; version: number };
export type Steps = {
  begun: (uploadId: string) => void;
  put: typeof putBytes;
  progress: (bytes: number) => void;
  signal: AbortSignal;
};

/** The store refused the bytes, or was not reached. */
export class PutFailed extends Error {
  readonly status: number; // 0: not reached

  constructor(status: number) {
    super(status ? 'The storage refused the file. Try again.' : 'The connection was cut. Try again when you are online.');
    this.status = status;
  }
}

/**
 * Upload a file: init-upload, the bytes to the store, commit.
 *
 * With the same key, the same upload goes on after a pause or a reload: parts that are there already are not sent again.
 */
export async function transfer(data: Blob, name: string, target: Target, key: string, steps: Steps): Promise<Committed> {
  const { signal } = steps;
  const sha256 = data.size < HASHED_BELOW ? await sha256Of(data) : undefined;
  const json = {
    projectId: target.projectId,
    filename: name,
    size: data.size,
    contentType: data.type || 'application/octet-stream',
    ...(sha256 ? { sha256 } : {}),
    ...(target.fileId ? { fileId: target.fileId } : {}),
    ...(target.relativePath ? { relativePath: target.relativePath } : {}),
  };
  const headers = { 'idempotency-key': key };
  const upload = await ask<InitUpload>('/files/init-upload', { method: 'POST', json, headers, signal });
  steps.begun(upload.uploadId);
  if (upload.multipart) {
    await sendParts(data, upload.uploadId, upload.multipart, steps);
    return ask<Committed>(`/uploads/${upload.uploadId}/complete`, { method: 'POST', json: {}, signal });
  }
  const committed = { method: 'POST', json: { uploadId: upload.uploadId }, signal };
  try {
    await withRetries(signal, () =>
      steps.put(upload.method ?? 'PUT', upload.url ?? '', (upload.headers ?? {}) as Record<string, string>, data, steps.progress, signal),
    );
  } catch (error) {
    // 412: an earlier attempt arrived, but its answer did not.
    if (!(error instanceof PutFailed && error.status === 412)) throw error;
  }
  return ask<Committed>('/files/commit', committed);
}

async function sendParts(data: Blob, id: string, plan: { partSize: number; partCount: number }, steps: Steps): Promise<void> {
  const { signal } = steps;
  const { parts } = await ask<{ parts: { partNumber: number; size: number }[] }>(`/uploads/${id}/parts`, { signal });
  const sent = new Map(parts.map((part) => [part.partNumber, part.size]));
  const missing = Array.from({ length: plan.partCount }, (_, index) => index + 1).filter((number) => !sent.has(number));
  const tell = () => steps.progress([...sent.values()].reduce((sum, size) => sum + size, 0));
  tell();
  for (let start = 0; start < missing.length; start += PARTS_PER_SIGNING) {
    const partNumbers = missing.slice(start, start + PARTS_PER_SIGNING);
    const queue = await ask<SignedPart[]>(`/uploads/${id}/parts`, { method: 'POST', json: { partNumbers }, signal });
    const worker = async () => {
      for (let part = queue.shift(); part; part = queue.shift()) {
        const { partNumber: number, method, url, headers } = part;
        const bytes = data.slice((number - 1) * plan.partSize, number * plan.partSize);
        const progress = (loaded: number) => {
          sent.set(number, loaded);
          tell();
        };
        await withRetries(signal, () => steps.put(method, url, headers as Record<string, string>, bytes, progress, signal));
        progress(bytes.size);
      }
    };
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, worker));
  }
}

/** Call the API, which takes each step of an upload a second time. Raises ApiError and Unreachable. */
function ask<T>(path: string, options: Call & { signal: AbortSignal }): Promise<T> {
  return withRetries(options.signal, () => call<T>(path, options));
}

/** Try again after a cut connection or a failure of the store; without a connection, when it is back. */
async function withRetries<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const isPassing = error instanceof Unreachable || (error instanceof PutFailed && (error.status === 0 || error.status >= 500));
      if (!isPassing || signal.aborted || count >= ATTEMPTS) throw error;
      if (navigator.onLine) await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** count));
      else await online(signal);
    }
  }
}

function online(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    addEventListener('online', () => resolve(), { once: true, signal });
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Send bytes to a presigned URL. With XMLHttpRequest, because fetch does not tell how much was sent. Raises PutFailed. */
export function putBytes(
  method: string,
  url: string,
  headers: Record<string, string>,
  body: Blob,
  progress: (loaded: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener('abort', abort, { once: true });
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => (request.status < 300 ? resolve() : reject(new PutFailed(request.status)));
    request.onerror = () => reject(new PutFailed(0));
    request.onabort = () => reject(new DOMException('Paused', 'AbortError'));
    request.onloadend = () => signal.removeEventListener('abort', abort);
    request.send(body);
  });
}

async function sha256Of(data: Blob): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await data.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Return whether an upload with this key can never go on, so that it has to begin anew. */
export function isOver(error: unknown): boolean {
  if (error instanceof PutFailed) return error.status === 403; // the URL is no longer valid
  return error instanceof ApiError && ['wrong_state', 'not_found', 'idempotency_key_reused'].includes(error.code);
}
