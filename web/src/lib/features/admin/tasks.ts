import type { TaskRun } from '#lib/api/types.ts';

/** What a task is for, in a few words. Its description from the API says more. */
const TITLES: Record<string, string> = {
  'empty-trash': 'Empty the trash',
  'end-dead-jobs': 'End jobs that went wrong',
  'expire-uploads': 'End abandoned uploads',
  'export-audit': 'Copy the audit log',
  'purge-projects': 'Delete old projects for good',
  recount: 'Count what is stored',
  'recount-repair': 'Correct the counters',
  'retry-jobs': 'Retry failed jobs',
  'send-pending-invitations': 'Send waiting invitations',
  'send-pending-jobs': 'Send waiting jobs',
  sweep: 'Look for leftovers',
  'sync-edge': 'Move files from the edge to S3',
};

/** What a report counts and finds. */
const FINDINGS: Record<string, string> = {
  found: 'Found and dealt with',
  listed: 'Objects looked at',
  foreign: 'Objects that are not Holdall’s',
  suspected: 'Leftovers seen for the first time',
  removable: 'Leftovers that would be removed',
  removed: 'Leftovers removed',
  removedBytes: 'Space that was freed',
  removed_bytes: 'Space that was freed', // in reports of an earlier release
  projects: 'Projects looked at',
  versions: 'Versions looked at',
  missing: 'Records whose bytes are gone',
  outdated: 'Variants that no setting names',
  no_active_owner: 'Projects without an active owner',
  compared: 'Projects counted',
  skipped: 'Projects that changed meanwhile',
  drift: 'Counters that differ',
  moved: 'Files moved to S3',
  movedBytes: 'Bytes moved to S3',
  copiesDeleted: 'Copies at the edge deleted',
  failed: 'Files that stay at the edge',
  batchesWithoutResult: 'Batches without a result',
};

/** Tasks that delete for good. They ask once before they are started by hand. */
export const IRREVERSIBLE: ReadonlySet<string> = new Set(['empty-trash', 'purge-projects', 'sweep']);

const DAYS: Record<string, string> = { SUN: 'Sunday', MON: 'Monday', TUE: 'Tuesday', WED: 'Wednesday', THU: 'Thursday', FRI: 'Friday', SAT: 'Saturday' };

export const titleOf = (task: string): string => TITLES[task] ?? task;

/** Return what a report counts in words. A name that is newer than this page is taken apart. */
export function findingOf(name: string): string {
  const words = name.replace(/([A-Z])/g, ' $1').replace(/[_-]/g, ' ').toLowerCase();
  return FINDINGS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** Return whether a report counts bytes by this name. */
export const isBytes = (name: string): boolean => /bytes$/i.test(name);

/** Return when a task runs: the expressions of EventBridge Scheduler that Holdall writes, in UTC, in words. */
export function scheduleInWords(expression: string | null): string {
  if (!expression) return 'Only on request';
  const rate = /^rate\((\d+) minutes?\)$/.exec(expression);
  if (rate) {
    const minutes = Number(rate[1]);
    if (minutes === 60) return 'Every hour';
    return minutes === 1 ? 'Every minute' : `Every ${minutes} minutes`;
  }
  const cron = /^cron\((\d+) (\d+) (?:\* \* \?|\? \* ([A-Z]{3})) \*\)$/.exec(expression);
  if (!cron) return expression;
  const [, minute = '', hour = '', day] = cron;
  const days = day ? `Every ${DAYS[day] ?? day}` : 'Every day';
  return `${days} at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')} UTC`;
}

export const isOpen = (run: TaskRun | null): boolean => run?.status === 'pending' || run?.status === 'running';
