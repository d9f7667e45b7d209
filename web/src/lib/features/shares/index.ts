export { default as FileShares } from './FileShares.svelte';
