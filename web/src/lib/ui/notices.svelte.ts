export type Action = { label: string; run: () => void };
export type Notice = { id: number; text: string; tone: 'plain' | 'bad'; action?: Action };

const MOST = 3;

/** What the console tells in passing, newest last. */
class Notices {
  list = $state<Notice[]>([]);
  #next = 0;

  tell(text: string, action?: Action): void {
    this.#add({ text, tone: 'plain', action });
  }

  fail(text: string, action?: Action): void {
    this.#add({ text, tone: 'bad', action });
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  #add(notice: Omit<Notice, 'id'>): void {
    this.list = [...this.list, { id: this.#next++, ...notice }].slice(-MOST);
  }
}

export const notices = new Notices();
