const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Return a size as people read it: 1.4 MB. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit: UNITS[unit] ?? 'byte',
    unitDisplay: unit ? 'short' : 'long',
    maximumFractionDigits: digits,
  }).format(value);
}

/** Return a count with its noun: 1 file, 2 files. */
export function count(number: number, noun: string): string {
  return `${new Intl.NumberFormat().format(number)} ${noun}${number === 1 ? '' : 's'}`;
}

export const date = (text: string): string => DATE.format(new Date(text));
export const time = (text: string): string => TIME.format(new Date(text));

/** Return how long something took, in its two largest units: under 0.1 s, 0.4 s, 12 s, 3 min 20 s, 2 h 5 min. */
export function duration(milliseconds: number): string {
  const tenths = Math.round(milliseconds / 100);
  if (!tenths) return 'under 0.1 s';
  if (tenths < 100) return `${new Intl.NumberFormat().format(tenths / 10)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  const parts: [number, string][] = hours ? [[hours, 'h'], [minutes, 'min']] : [[minutes, 'min'], [rest, 's']];
  return parts.filter(([value]) => value).map(([value, unit]) => `${value} ${unit}`).join(' ');
}
