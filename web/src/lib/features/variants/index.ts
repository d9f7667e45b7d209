export { default as VariantsPage } from './VariantsPage.svelte';
