let last: (() => void) | null = null;

/** Remember how the last act is undone. Returns what undoes it, once. */
export function undoable(undo: () => Promise<void>): () => void {
  let isDone = false;
  const run = () => {
    if (isDone) return;
    isDone = true;
    if (last === run) last = null;
    void undo();
  };
  last = run;
  return run;
}

/** Undo the last act, if it was not undone yet. */
export function undoLast(): void {
  last?.();
}

/** Forget the last act, because what it was about is no longer on the page. */
export function forgetUndo(): void {
  last = null;
}
