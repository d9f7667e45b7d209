import { call } from '#lib/api/client.ts';
import { Unreachable } from '#lib/api/problems.ts';
import type { Config, Readiness } from '#lib/api/types.ts';

export type Health = { readiness: Readiness; config: Config | null };

/** Read how Holdall is, also when it says so with an error status: then a store does not answer. */
export async function readHealth(): Promise<Health> {
  const response = await fetch('/api/v1/health/ready').catch(() => null);
  const answer = (await response?.json().catch(() => null)) as { data?: Readiness } | null;
  if (!answer?.data?.checks) throw new Unreachable();
  return { readiness: answer.data, config: await call<Config>('/config').catch(() => null) };
}
