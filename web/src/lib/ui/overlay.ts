import type { Attachment } from 'svelte/attachments';

const TABBABLE =
  'a[href], button:not([disabled]), input:not([disabled], [type="hidden"]), select:not([disabled]), textarea:not([disabled]), [tabindex="0"]';
const overlays: HTMLElement[] = []; // the top one is the last

/** Whether a dialog is over the page, which then takes no keys. */
export const hasOverlays = () => overlays.length > 0;

/**
 * Put an element, which contains a dialog, over the page. All below it is inert except notices, and Escape calls `onescape`.
 * The focus goes into the dialog, stays there, and at the end returns to where it came from.
 * The element moves to the end of the body, so it needs a parent that Svelte can remove in its place.
 */
export function overlay(onescape: () => void): Attachment<HTMLElement> {
  return (element) => {
    const cameFrom = document.activeElement;
    const dialog = element.querySelector<HTMLElement>('[role="dialog"]') ?? element;
    const isTop = () => overlays.at(-1) === element;
    const onkeydown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || !isTop() || event.defaultPrevented || event.isComposing) return;
      event.preventDefault();
      onescape();
    };
    // What had the focus may be replaced by something else.
    const observer = new MutationObserver(() => {
      if (isTop() && document.activeElement === document.body) dialog.focus();
    });

    document.body.append(element);
    overlays.push(element);
    disableWhatIsBelow();
    (dialog.querySelector<HTMLElement>(TABBABLE) ?? dialog).focus();
    observer.observe(element, { childList: true, subtree: true });
    addEventListener('keydown', onkeydown);
    return () => {
      removeEventListener('keydown', onkeydown);
      observer.disconnect();
      overlays.splice(overlays.indexOf(element), 1);
      element.remove();
      disableWhatIsBelow();
      if (cameFrom instanceof HTMLElement && document.activeElement === document.body) cameFrom.focus();
    };
  };
}

/** Move an element to the end of the body, where no overlay makes it inert. */
export const aboveOverlays: Attachment<HTMLElement> = (element) => {
  document.body.append(element);
  return () => element.remove();
};

function disableWhatIsBelow() {
  const page = document.querySelector<HTMLElement>('body > .contents');
  if (page) page.inert = overlays.length > 0;
  for (const [index, element] of overlays.entries()) element.inert = index < overlays.length - 1;
}
