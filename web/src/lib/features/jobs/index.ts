export { default as JobsPage } from './JobsPage.svelte';
