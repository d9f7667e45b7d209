import { session } from '#lib/session/session.svelte.ts';
import { ApiError, Unreachable } from './problems.ts';
import type { Page } from './types.ts';

const BASE = '/api/v1';
const EXPIRED = new Set(['invalid_token', 'unauthenticated']); // a wrong password is 401, too
const READ_ATTEMPTS = 3;
const LONGEST_WAIT = 60; // seconds

export type Call = {
  method?: string;
  json?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  bySecret?: boolean; // the secret of an emailed link authorizes it: a refusal says nothing about the session
};

/** Call the API, and return `data` of the response. Raises ApiError and Unreachable. */
export async function call<T>(path: string, options: Call = {}): Promise<T> {
  const response = await send(path, options);
  return (response.status === 204 ? undefined : ((await response.json()) as { data: T }).data) as T;
}

/** What is stored, with the tag that says which state of it: `If-Match` lets only that one be changed. */
export type Tagged<T> = { data: T; etag: string };

/** Call the API, and return `data` with its tag. Raises ApiError and Unreachable. */
export async function callTagged<T>(path: string, options: Call = {}): Promise<Tagged<T>> {
  const response = await send(path, options);
  return { data: ((await response.json()) as { data: T }).data, etag: response.headers.get('etag') ?? '' };
}

/** Read a page of a list. */
export async function readPage<T>(path: string, signal?: AbortSignal): Promise<Page<T>> {
  return (await (await send(path, { signal })).json()) as Page<T>;
}

/** Read all pages of a list that is never long. */
export async function readAll<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let next: string | null = null;
  do {
    const cursor: string = next ? `&cursor=${encodeURIComponent(next)}` : '';
    const page: Page<T> = await readPage<T>(`${path}${path.includes('?') ? '&' : '?'}limit=100${cursor}`);
    items.push(...page.data);
    next = page.pagination.hasNext ? page.pagination.next : null;
  } while (next);
  return items;
}

/** Read a file of lines, and the address of the next one: its query, or null. */
export async function readLines(path: string, signal?: AbortSignal): Promise<{ lines: string; next: string | null }> {
  const response = await send(path, { signal });
  const next = /<(\?[^>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
  return { lines: await response.text(), next };
}

async function send(path: string, options: Call): Promise<Response> {
  const method = options.method ?? 'GET';
  let tokenWasRead = false;
  for (let attempt = 1; ; attempt++) {
    const response = await request(path, method, options);
    if (response.ok) return response;
    const error = await readError(response);
    if (EXPIRED.has(error.code) && session.user && !options.bySecret) {
      await session.renew(); // one promise for all that wait
    } else if (error.code === 'fresh_session_required' && session.user) {
      await session.confirm();
    } else if (error.code === 'csrf' && session.user && !tokenWasRead) {
      tokenWasRead = true; // another tab has signed in
      await session.reload();
    } else if (method === 'GET' && [429, 503].includes(error.status) && attempt < READ_ATTEMPTS) {
      await wait(Math.min(error.retryAfter || 1, LONGEST_WAIT));
    } else {
      throw error;
    }
  }
}

async function request(path: string, method: string, { json, headers, signal }: Call): Promise<Response> {
  const all = new Headers(headers);
  if (json !== undefined) all.set('content-type', 'application/json');
  if (method !== 'GET' && session.csrfToken) all.set('x-csrf-token', session.csrfToken);
  try {
    return await fetch(BASE + path, {
      method,
      headers: all,
      body: json === undefined ? undefined : JSON.stringify(json),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable();
  }
}

async function readError(response: Response): Promise<ApiError> {
  const problem = await response.json().catch(() => ({}));
  return new ApiError(response.status, problem, Number(response.headers.get('retry-after') ?? 0));
}

function wait(seconds: number): Promise<void> {
  const jitter = 0.5 + Math.random();
  return new Promise((resolve) => setTimeout(resolve, seconds * jitter * 1000));
}
