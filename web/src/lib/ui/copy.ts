import { notices } from './notices.svelte.ts';

/** Copy a text, and tell that it is done, or what to do instead. Returns whether it was copied. */
export async function copyText(text: string, done?: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    notices.fail('The browser does not let this page copy. Select the text and copy it.');
    return false;
  }
  if (done) notices.tell(done);
  return true;
}
