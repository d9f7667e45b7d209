export { default as UseApiPage } from './UseApiPage.svelte';
