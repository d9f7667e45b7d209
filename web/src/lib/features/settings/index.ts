export { default as DeleteProject } from './DeleteProject.svelte';
export { default as SettingsPage } from './SettingsPage.svelte';
