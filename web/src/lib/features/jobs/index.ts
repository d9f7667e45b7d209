export { default as JobRow } from './JobRow.svelte';
export { default as JobsPage } from './JobsPage.svelte';
export { JobList } from './job-list.svelte.ts';
