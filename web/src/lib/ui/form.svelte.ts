import { ApiError, sentence } from '#lib/api/problems.ts';

/** A form that is being sent: whether it is busy, what is wrong with a field, and what is wrong with all of it. */
export class Form {
  busy = $state(false);
  problem = $state('');
  fields = $state.raw<ReadonlyMap<string, string>>(new Map());

  /** Send the form once. Returns whether it was accepted. */
  async send(event: Event | null, action: () => Promise<void>): Promise<boolean> {
    event?.preventDefault();
    if (this.busy) return false;
    const form = event?.currentTarget instanceof HTMLFormElement ? event.currentTarget : null;
    this.busy = true;
    this.problem = '';
    this.fields = new Map();
    try {
      await action();
      return true;
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return false; // the person thought better of it
      if (error instanceof ApiError && error.fields.size) this.fields = error.fields;
      else this.problem = sentence(error);
      setTimeout(() => form?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
      return false;
    } finally {
      this.busy = false;
    }
  }
}
