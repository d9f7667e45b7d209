import type { AuditEntry } from '#lib/api/types.ts';

/** What the audit log is asked for, as the address of the page tells it. Days are those of the person who looks. */
export type AuditFilter = {
  by: 'actor' | 'action' | 'target' | null; // the API filters by one of them
  value: string;
  from: string; // YYYY-MM-DD, or empty
  to: string; // the last day
};

const KINDS = ['actor', 'action', 'target'] as const;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Read a filter from an address. What makes no sense is left out. */
export function readFilter(query: URLSearchParams): AuditFilter {
  const by = KINDS.find((kind) => query.get(kind)) ?? null;
  const day = (name: string) => (isDay(query.get(name)) ? (query.get(name) as string) : '');
  return { by, value: by ? (query.get(by) ?? '') : '', from: day('from'), to: day('to') };
}

/** Return the address of a filter. */
export function writeFilter({ by, value, from, to }: AuditFilter): URLSearchParams {
  const query = new URLSearchParams();
  if (by && value) query.set(by, value);
  if (from) query.set('from', from);
  if (to) query.set('to', to);
  return query;
}

/** Return the parameters of the API: it takes instants, and the end is not part of the span. */
export function apiQuery({ by, value, from, to }: AuditFilter): URLSearchParams {
  const query = new URLSearchParams();
  if (by && value) query.set(by, value);
  if (from) query.set('from', startOf(from, 0));
  if (to) query.set('to', startOf(to, 1));
  return query;
}

/** Return the IDs of the users that an entry names. Only actions on users and accounts have one as their target. */
export function usersIn({ actor, action, target }: AuditEntry): string[] {
  const ids = /^(users|accounts)\./.test(action) ? [actor, target] : [actor];
  return ids.filter((id) => id !== 'anonymous');
}

function isDay(text: string | null): boolean {
  return DAY.test(text ?? '') && !Number.isNaN(Date.parse(`${text}T00:00`));
}

function startOf(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
