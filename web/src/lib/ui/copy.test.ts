import { expect, it, vi } from 'vitest';
import { copyText } from './copy.ts';
import { notices } from './notices.svelte.ts';

it('says what to do when the browser does not let the page copy', async () => {
  vi.stubGlobal('navigator', { clipboard: { writeText: () => Promise.reject(new DOMException('', 'NotAllowedError')) } });
  expect(await copyText('secret', 'Key copied')).toBe(false);
  expect(notices.list.map(({ text }) => text)).toEqual(['The browser does not let this page copy. Select the text and copy it.']);
});
