/** Return how long a sync computes. Many images are rendered at the same time, so it ends sooner. */
export function timeInWords(seconds: number): string {
  if (seconds < 1) return 'Less than a second';
  const [unit, value] =
    seconds < 90 ? (['second', seconds] as const) : seconds < 5400 ? (['minute', seconds / 60] as const) : (['hour', seconds / 3600] as const);
  return `About ${new Intl.NumberFormat(undefined, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.round(value))}`;
}

/** Return what a sync costs. */
export function costInWords(dollars: number): string {
  if (dollars === 0) return 'Nothing';
  if (dollars < 0.01) return 'Less than 1 US cent';
  return `About ${new Intl.NumberFormat(undefined, { style: 'currency', currency: 'USD' }).format(dollars)}`;
}
