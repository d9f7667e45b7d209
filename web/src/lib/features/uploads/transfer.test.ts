import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Unreachable } from '#lib/api/problems.ts';
import { PutFailed, transfer, type Steps } from './transfer.ts';

const call = vi.hoisted(() => vi.fn());
vi.mock('#lib/api/client.ts', () => ({ call }));

const COMMITTED = { fileId: 'f', version: 1 };
const PARTS = { uploadId: 'u', multipart: { partSize: 4, partCount: 3 } };
const SINGLE = { uploadId: 'u', method: 'PUT', url: 'https://store/u', headers: { 'x-amz': '1' } };

let answers: Record<string, unknown>;
const begun = vi.fn<Steps['begun']>();
let put: ReturnType<typeof vi.fn<Steps['put']>>;

beforeEach(() => {
  vi.stubGlobal('navigator', { onLine: true });
  put = vi.fn<Steps['put']>(async () => {});
  answers = { '/files/init-upload': SINGLE, '/files/commit': COMMITTED, '/uploads/u/complete': COMMITTED };
  call.mockReset();
  call.mockImplementation(async (path: string, options: { method?: string; json?: { partNumbers: number[] } }) => {
    if (path === '/uploads/u/parts' && options.method === 'POST') {
      return options.json?.partNumbers.map((partNumber) => ({ partNumber, method: 'PUT', url: `https://store/${partNumber}`, headers: {} }));
    }
    return answers[path];
  });
});

function run(progress: (bytes: number) => void = () => {}, signal = new AbortController().signal) {
  const data = new Blob(['abcdefghij'], { type: 'text/plain' });
  return transfer(data, 'a.txt', { projectId: 'p' }, 'key', { begun, put, progress, signal });
}

describe('transfer', () => {
  it('begins with the key of its entry, sends the bytes with the given headers, and commits', async () => {
    expect(await run()).toEqual(COMMITTED);
    expect(call.mock.calls[0]?.[1].headers).toEqual({ 'idempotency-key': 'key' });
    expect(call.mock.calls[0]?.[1].json.sha256).toHaveLength(64);
    expect(begun).toHaveBeenCalledExactlyOnceWith('u');
    expect(put.mock.calls[0]?.slice(0, 3)).toEqual(['PUT', 'https://store/u', { 'x-amz': '1' }]);
  });

  it('sends only the parts that are missing, and counts those that are there', async () => {
    answers['/files/init-upload'] = PARTS;
    answers['/uploads/u/parts'] = { parts: [{ partNumber: 2, size: 4 }] };
    const told: number[] = [];
    expect(await run((bytes) => told.push(bytes))).toEqual(COMMITTED);
    expect(put.mock.calls.map(([, url]) => url)).toEqual(['https://store/1', 'https://store/3']);
    expect([told[0], told.at(-1)]).toEqual([4, 10]);
  });

  it('commits what an earlier attempt sent, whose answer was lost', async () => {
    put.mockRejectedValueOnce(new PutFailed(412));
    expect(await run()).toEqual(COMMITTED);
  });

  it('goes on when the API was not reached for a while, at each step', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 500 });
    answers['/files/init-upload'] = PARTS;
    answers['/uploads/u/parts'] = { parts: [] };
    const answer = call.getMockImplementation();
    const cut = new Set<string>();
    call.mockImplementation(async (path: string, options: { method?: string }) => {
      const step = `${options.method} ${path}`;
      if (cut.has(step)) return answer?.(path, options);
      cut.add(step);
      throw new Unreachable();
    });
    expect(await run()).toEqual(COMMITTED);
    expect(cut.size).toBe(4);
    vi.useRealTimers();
  });

  it('sends nothing after a pause that came while it waited to try again', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 500 });
    const control = new AbortController();
    put.mockImplementationOnce(async () => {
      setTimeout(() => control.abort(), 1);
      throw new PutFailed(503);
    });
    await expect(run(() => {}, control.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(put).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });

  it('tries again after a failure of the store, but not after a refusal', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 500 });
    put.mockRejectedValueOnce(new PutFailed(503));
    expect(await run()).toEqual(COMMITTED);
    vi.useRealTimers();
    put.mockReset();
    put.mockRejectedValue(new PutFailed(400));
    await expect(run()).rejects.toMatchObject({ status: 400 });
    expect(put).toHaveBeenCalledTimes(1);
  });
});
