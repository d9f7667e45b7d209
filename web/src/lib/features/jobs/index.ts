export { default as JobRow } from './JobRow.svelte';
export { default as JobsPage } from './JobsPage.svelte';
export { isOpen } from './kinds.ts';
export { JobList } from './job-list.svelte.ts';
