import { describe, expect, it } from 'vitest';
import { LINKS, linkOf, linksFor } from './links.ts';

const viewer = { projectId: 'p1', role: 'owner' as const, permissions: [] };
const labels = (changes = {}) => linksFor({ ...viewer, ...changes }).map(({ label }) => label);

describe('linksFor', () => {
  it('shows the pages of a project only in a project', () => {
    expect(labels()).toContain('Files');
    expect(labels({ projectId: undefined, role: undefined })).not.toContain('Files');
  });

  it('hides what only owners use from others', () => {
    expect(labels()).toContain('API keys');
    expect(labels({ role: 'viewer' })).not.toContain('API keys');
  });

  it('shows a page with permissions to those who have one of them', () => {
    const admin = { ...LINKS[0]!, label: 'Admin', path: '/admin', anyOf: ['users.read', 'audit.read'] };
    expect(linksFor(viewer, [admin])).toEqual([]);
    expect(linksFor({ ...viewer, permissions: ['audit.read'] }, [admin])).toHaveLength(1);
  });

  it('leaves room for More in the bottom bar of a phone, which has five entries', () => {
    expect(LINKS.filter(({ inBar }) => inBar).length).toBeLessThanOrEqual(4);
  });
});

describe('linkOf', () => {
  const at = (pathname: string) => linkOf(pathname, linksFor(viewer))?.label;

  it('is the nearest page above', () => {
    expect(at('/projects')).toBe('Projects');
    expect(at('/projects/p1/files')).toBe('Files');
    expect(at('/account/security')).toBe('Account');
    expect(at('/accounts')).toBeUndefined();
  });
});
