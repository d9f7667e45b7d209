const CALM = 30; // seconds between two reads
const BUSY = [2, 3, 4, 6, 8, 10]; // while something is being processed
const LONGEST_BUSY = 120;
const IDLE = 15 * 60; // seconds without a sign of life, after which nothing is asked

/**
 * Read again and again while someone looks at the page. Returns what stops it.
 *
 * In an effect, `isBusy` has to be a `$derived`: then the effect runs anew when it changes, and not after each read.
 */
export function poll(read: () => Promise<void>, isBusy: () => boolean): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let step = 0;
  let busySeconds = 0;
  let usedAt = Date.now();
  let isReading = false;

  const isWatched = () => !document.hidden && navigator.onLine && Date.now() - usedAt < IDLE * 1000;
  const plan = () => {
    clearTimeout(timer);
    if (!isBusy()) step = busySeconds = 0;
    const seconds = isBusy() && busySeconds < LONGEST_BUSY ? (BUSY[Math.min(step++, BUSY.length - 1)] ?? CALM) : CALM;
    busySeconds += isBusy() ? seconds : 0;
    timer = setTimeout(now, seconds * (0.9 + Math.random() * 0.2) * 1000);
  };
  const now = async () => {
    if (isReading) return;
    isReading = true;
    try {
      if (isWatched()) await read();
    } catch {
      // The next time. What was read stays.
    } finally {
      isReading = false;
      plan();
    }
  };
  const used = () => {
    const wasIdle = Date.now() - usedAt >= IDLE * 1000;
    usedAt = Date.now();
    if (wasIdle) void now();
  };
  const returned = () => {
    if (!document.hidden) {
      usedAt = Date.now();
      void now();
    }
  };

  plan();
  addEventListener('pointerdown', used);
  addEventListener('keydown', used);
  addEventListener('online', returned);
  document.addEventListener('visibilitychange', returned);
  return () => {
    clearTimeout(timer);
    removeEventListener('pointerdown', used);
    removeEventListener('keydown', used);
    removeEventListener('online', returned);
    document.removeEventListener('visibilitychange', returned);
  };
}
