import type { Project, ProjectUsage, UpdateProject } from '#lib/api/types.ts';
import { bytes } from '#lib/ui/format.ts';
import { toAmount, toBytes, toCount, type Amount } from './amounts.ts';

/** The settings of a project as they are typed. */
export type SettingsDraft = {
  name: string;
  visibility: 'private' | 'public';
  maxBytes: Amount;
  maxFiles: string;
  maxFileBytes: Amount;
  takesAll: boolean; // files of all types
  families: string[]; // of FAMILIES
  otherTypes: string; // separated by commas or white space
  retentionDays: string;
  keepVersions: string;
  storage: 's3' | 'edge';
};

/** Types of files by a name that everyone knows. */
export const FAMILIES: Readonly<Record<string, string>> = {
  'image/*': 'Images',
  'video/*': 'Videos',
  'audio/*': 'Audio',
  'application/pdf': 'PDF documents',
  'text/*': 'Text',
};

/** What the fields are called, in a sentence. */
export const LABELS: Readonly<Record<keyof SettingsDraft, string>> = {
  name: 'the name',
  visibility: 'the visibility',
  maxBytes: 'the storage limit',
  maxFiles: 'the limit of files',
  maxFileBytes: 'the file size limit',
  takesAll: 'the types of files',
  families: 'the types of files',
  otherTypes: 'the types of files',
  retentionDays: 'the days in the trash',
  keepVersions: 'the kept versions',
  storage: 'the place of originals',
};

const MOST_TYPES = 50;
const MOST_DAYS = 3650;
const MOST_VERSIONS = 1000;
const MEDIA_RANGE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/i;

const typesIn = (text: string) => text.split(/[\s,]+/).filter(Boolean);
const allowedTypes = (draft: SettingsDraft) => (draft.takesAll ? ['*/*'] : [...draft.families, ...typesIn(draft.otherTypes)]);

export function toDraft({ name, settings }: Project): SettingsDraft {
  const takesAll = settings.allowedTypes.includes('*/*');
  const types = takesAll ? [] : settings.allowedTypes;
  return {
    name,
    visibility: settings.visibility,
    maxBytes: toAmount(settings.quota.maxBytes),
    maxFiles: String(settings.quota.maxFiles ?? ''),
    maxFileBytes: toAmount(settings.quota.maxFileBytes),
    takesAll,
    families: Object.keys(FAMILIES).filter((type) => types.includes(type)),
    otherTypes: types.filter((type) => !(type in FAMILIES)).join(', '),
    retentionDays: String(settings.retentionDays ?? ''),
    keepVersions: String(settings.keepVersions ?? ''),
    storage: settings.storage,
  };
}

/** Return the request for the fields that were changed. What belongs together is sent together. */
export function toRequest(draft: SettingsDraft, changed: (keyof SettingsDraft)[]): UpdateProject {
  const has = (...keys: (keyof SettingsDraft)[]) => keys.some((key) => changed.includes(key));
  const quota = { maxBytes: toBytes(draft.maxBytes), maxFiles: toCount(draft.maxFiles), maxFileBytes: toBytes(draft.maxFileBytes) };
  return {
    ...(has('name') ? { name: draft.name.trim() } : {}),
    settings: {
      ...(has('visibility') ? { visibility: draft.visibility } : {}),
      ...(has('maxBytes', 'maxFiles', 'maxFileBytes') ? { quota } : {}),
      ...(has('takesAll', 'families', 'otherTypes') ? { allowedTypes: allowedTypes(draft) } : {}),
      ...(has('retentionDays') ? { retentionDays: toCount(draft.retentionDays) } : {}),
      ...(has('keepVersions') ? { keepVersions: toCount(draft.keepVersions) } : {}),
      ...(has('storage') ? { storage: draft.storage } : {}),
    },
  };
}

/** Return what is wrong, by field. The API checks the same, and knows best. */
export function problemsOf(draft: SettingsDraft, most: ProjectUsage['maxQuota']): Map<keyof SettingsDraft, string> {
  const problems = new Map<keyof SettingsDraft, string>();
  if (!draft.name.trim()) problems.set('name', 'Give the project a name.');
  for (const key of ['maxBytes', 'maxFileBytes'] as const) {
    const value = toBytes(draft[key]);
    if (Number.isNaN(value)) problems.set(key, 'Enter a number, such as 1.5.');
    else if ((value ?? 0) > most[key]) problems.set(key, `This Holdall allows ${bytes(most[key])} at most.`);
  }
  checkCount(problems, draft, 'maxFiles', 0, most.maxFiles);
  checkCount(problems, draft, 'retentionDays', 1, MOST_DAYS);
  checkCount(problems, draft, 'keepVersions', 1, MOST_VERSIONS);
  if (!draft.takesAll) {
    const types = allowedTypes(draft);
    const wrong = types.find((type) => !MEDIA_RANGE.test(type));
    if (wrong) problems.set('otherTypes', `“${wrong}” is not a type. Types look like application/zip or font/*.`);
    else if (!types.length) problems.set('otherTypes', 'Choose at least one type.');
    else if (types.length > MOST_TYPES) problems.set('otherTypes', `Name ${MOST_TYPES} types at most.`);
  }
  return problems;
}

function checkCount(
  problems: Map<keyof SettingsDraft, string>,
  draft: SettingsDraft,
  key: 'maxFiles' | 'retentionDays' | 'keepVersions',
  least: number,
  most: number,
): void {
  const value = toCount(draft[key]);
  if (value === null) return;
  const range = `Enter a whole number from ${least} to ${new Intl.NumberFormat().format(most)}.`;
  if (Number.isNaN(value) || value < least || value > most) problems.set(key, range);
}
