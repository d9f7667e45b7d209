/** What a key may do, in words. */
export const SCOPES: Readonly<Record<string, string>> = {
  'files.read': 'Read files',
  'files.write': 'Upload, rename, trash and restore files',
  'files.share': 'Make links',
  'files.purge': 'Delete files for good',
  'jobs.read': 'Read jobs',
  'jobs.retry': 'Retry jobs',
  'projects.read': 'Read the settings',
  'variants.sync': 'Make variants anew',
};
