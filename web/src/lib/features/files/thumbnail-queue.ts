const AT_ONCE = 8;
const SETTLE = 120; // milliseconds that a tile stays in place before its picture is loaded

const waiting = new Set<() => void>();
let running = 0;

/** Load a picture for a tile, at most eight at a time. Returns what cancels it. */
export function loadThumbnail(url: string, show: (url: string) => void): () => void {
  let image: HTMLImageElement | null = null;
  let isLoading = false;

  const begin = () => {
    running += 1;
    isLoading = true;
    image = new Image();
    image.onload = () => {
      end();
      show(url);
    };
    image.onerror = end;
    image.src = url;
  };
  const end = () => {
    if (!isLoading) return;
    isLoading = false;
    running -= 1;
    const [next] = waiting;
    if (next) {
      waiting.delete(next);
      next();
    }
  };
  const timer = setTimeout(() => (running < AT_ONCE ? begin() : waiting.add(begin)), SETTLE);

  return () => {
    clearTimeout(timer);
    waiting.delete(begin);
    if (image) {
      image.onload = image.onerror = null;
      if (isLoading) image.src = '';
    }
    end();
  };
}
