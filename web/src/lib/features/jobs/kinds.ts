import type { Job } from '#lib/api/types.ts';

/** What a job does, in words. */
export const KINDS: Record<Job['kind'], string> = {
  render: 'Make the variants of an image',
  hash: 'Check the bytes of a file',
  relocate: 'Move the variants of a file',
  purge: 'Delete a file for good',
  'purge-version': 'Delete a version for good',
  'trim-versions': 'Delete old versions',
  'relocate-project': 'Change who sees the images',
  'purge-project': 'Delete the project for good',
  'sync-project': 'Bring all variants up to date',
  'abort-uploads': 'Abort open uploads',
};

export const STATES: Record<Job['status'], string> = {
  pending: 'Waiting',
  processing: 'Running',
  completed: 'Done',
  failed: 'Failed',
};

/** Return whether a job still has to be done. */
export function isOpen(job: Job): boolean {
  return job.status === 'pending' || job.status === 'processing';
}
