export { default as AuditPage } from './AuditPage.svelte';
export { default as HealthPage } from './HealthPage.svelte';
export { default as ProjectsJobsPage } from './ProjectsJobsPage.svelte';
export { default as RolePage } from './RolePage.svelte';
export { default as RolesPage } from './RolesPage.svelte';
export { default as TasksPage } from './TasksPage.svelte';
export { default as UserPage } from './UserPage.svelte';
export { default as UsersPage } from './UsersPage.svelte';
export { firstPageFor } from './rights.ts';
