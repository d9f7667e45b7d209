import type { CurrentUser } from '#lib/api/types.ts';

const KNOWN = 'holdall.known'; // set while this browser has a session, so that public pages need not ask

type Gate = ReturnType<typeof Promise.withResolvers<void>>;

/** Who is signed in in this tab, and the gate at which calls wait when the session has ended or is not fresh. */
class Session {
  user = $state<CurrentUser | null>(null);
  csrfToken = $state('');
  /** Why a person has to enter the password on top of the page, if so. */
  asks = $state<'expired' | 'confirm' | null>(null);
  #gate: Gate | null = null;
  #tabs = new BroadcastChannel('holdall.session');

  constructor() {
    this.#tabs.onmessage = ({ data }: MessageEvent<{ user: string | null }>) => {
      if (this.user && data.user !== this.user.id) location.reload();
      else if (this.user && this.asks) void this.reload().then((isBack) => isBack && this.#open());
    };
  }

  /** Return whether this browser may have a session. */
  get known(): boolean {
    return localStorage.getItem(KNOWN) === '1';
  }

  /** Read who is signed in. Returns false if no one is. */
  async reload(): Promise<boolean> {
    const response = await fetch('/api/v1/auth/me').catch(() => null);
    if (!response?.ok) {
      if (response?.status === 401) localStorage.removeItem(KNOWN);
      return false;
    }
    const { data } = (await response.json()) as { data: CurrentUser };
    if (this.user && this.user.id !== data.id) {
      location.reload();
      return new Promise(() => {}); // what waits was meant by the former user
    }
    this.user = data;
    this.csrfToken = data.csrfToken ?? '';
    localStorage.setItem(KNOWN, '1');
    return true;
  }

  /** Take up a session that a sign-in began, and let go on what waited for it. */
  async start(): Promise<void> {
    await this.reload();
    this.#open();
    this.#tabs.postMessage({ user: this.user?.id ?? null });
  }

  end(): void {
    this.user = null;
    this.csrfToken = '';
    this.cancel();
    localStorage.removeItem(KNOWN);
    this.#tabs.postMessage({ user: null });
  }

  /** Ask for a sign-in on top of the page. Resolves once for all that wait. */
  renew(): Promise<void> {
    return this.#wait('expired');
  }

  /** Ask for the password, for what needs a fresh session. */
  confirm(): Promise<void> {
    return this.#wait('confirm');
  }

  /** Let what waits fail: the person does not want to enter the password. */
  cancel(): void {
    this.#gate?.reject(new DOMException('Cancelled', 'AbortError'));
    this.#gate = null;
    this.asks = null;
  }

  #wait(why: 'expired' | 'confirm'): Promise<void> {
    this.asks = this.asks === 'expired' ? 'expired' : why;
    this.#gate ??= Promise.withResolvers<void>();
    return this.#gate.promise;
  }

  #open(): void {
    this.asks = null;
    this.#gate?.resolve();
    this.#gate = null;
  }
}

export const session = new Session();
