import { afterNavigate, goto } from '$app/navigation';
import { page } from '$app/state';

/** What a parameter of the address opens over the page. Make it while the component of the page is made. */
export class Layer {
  readonly #name: string;
  #isOnTop = false; // of the page itself in the history of the tab

  constructor(name: string) {
    this.#name = name;
    afterNavigate(({ from, to, type }) => {
      const [was, is] = [from?.url.searchParams.has(name), to?.url.searchParams.has(name)];
      if (type === 'popstate' || !is || from?.url.pathname !== to?.url.pathname) this.#isOnTop = false;
      else if (!was) this.#isOnTop = true; // else one was exchanged for another, which changes nothing
    });
  }

  /** Close it. The address that opened it leaves the history, so that Back does not open it again. */
  async close(): Promise<void> {
    if (this.#isOnTop) {
      history.back();
      return;
    }
    const url = new URL(page.url.href);
    url.searchParams.delete(this.#name);
    await goto(url, { reset: false, replace: true });
  }
}
