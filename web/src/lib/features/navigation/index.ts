export { default as Navigation } from './Navigation.svelte';
