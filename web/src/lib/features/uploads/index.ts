export { default as UploadsPage } from './UploadsPage.svelte';
