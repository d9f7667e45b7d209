import { readLines } from '#lib/api/client.ts';
import { sentence } from '#lib/api/problems.ts';

/** An export of the audit log into one file, from the many answers that the API gives. */
export class AuditExport {
  entries = $state(0);
  isRunning = $state(false);
  problem = $state('');
  #abort: AbortController | null = null;

  /** Read everything that a filter finds, and give it to the browser as a file. Nothing is kept of an export that fails. */
  async run(query: URLSearchParams): Promise<void> {
    if (this.isRunning) return;
    const { signal } = (this.#abort = new AbortController());
    const parts: string[] = [];
    this.entries = 0;
    this.problem = '';
    this.isRunning = true;
    try {
      let next: string | null = `?${query}`;
      while (next) {
        const page: { lines: string; next: string | null } = await readLines(`/audit/export${next}`, signal);
        parts.push(page.lines);
        this.entries += page.lines.split('\n').length - 1;
        next = page.next;
      }
      save(new Blob(parts, { type: 'application/x-ndjson' }), `audit-${new Date().toISOString().slice(0, 10)}.jsonl`);
    } catch (error) {
      if (!signal.aborted) this.problem = `The export stopped, and no file was saved. ${sentence(error)}`;
    } finally {
      this.isRunning = false;
    }
  }

  cancel(): void {
    this.#abort?.abort();
  }
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
