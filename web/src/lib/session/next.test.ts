import { beforeEach, expect, it, vi } from 'vitest';
import { nextPath, takeSecret } from './next.ts';

beforeEach(() => void vi.stubGlobal('location', { origin: 'https://files.example' }));

it.each(['/projects/1/files?file=2', '/account'])('leads to a page of ours: %s', (path) => {
  expect(nextPath(path)).toBe(path);
});

it('leads on to where a sign-in would lead', () => {
  const back = (next: string) => `/sign-in?from=provider&next=${encodeURIComponent(next)}`;
  expect(nextPath(back(back('/account')))).toBe('/account');
});

it.each([null, '', '//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '/api/v1/auth/logout', '/.//evil.example', '/./api/v1/auth/logout'])(
  'leads to the projects instead of %s',
  (path) => {
    expect(nextPath(path)).toBe('/projects');
  },
);

it('takes a secret out of the address, also one that is not a whole code', () => {
  const replaceState = vi.fn();
  vi.stubGlobal('history', { state: null, replaceState });
  vi.stubGlobal('location', { hash: '#a%2', pathname: '/join', search: '' });
  expect(takeSecret()).toBe('a%2');
  expect(replaceState).toHaveBeenCalledWith(null, '', '/join');
});
