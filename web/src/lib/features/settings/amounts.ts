/** A number of bytes as it is typed: 1.5 and GB. An empty number is no limit of one's own. */
export type Amount = { number: string; unit: Unit };
export type Unit = 'MB' | 'GB' | 'TB';

export const UNITS: Record<Unit, number> = { MB: 1e6, GB: 1e9, TB: 1e12 };

/** Return bytes in the largest unit that shows them exactly, with the fewest digits. */
export function toAmount(bytes: number | null | undefined): Amount {
  if (bytes == null) return { number: '', unit: 'GB' };
  for (const unit of ['TB', 'GB'] as const) {
    const number = bytes / UNITS[unit];
    if (number >= 1 && Number(number.toFixed(3)) === number) return { number: String(number), unit };
  }
  return { number: String(bytes / UNITS.MB), unit: 'MB' };
}

/** Return the bytes of what was typed, null for nothing, and NaN for what is no number, or may be two: 1,000. */
export function toBytes({ number, unit }: Amount): number | null {
  const text = number.trim().replace(',', '.');
  if (!text) return null;
  if (/,\d{3}$/.test(number.trim())) return NaN; // the comma is decimal, or parts thousands
  return /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * UNITS[unit]) : NaN;
}

/** Return a whole number that was typed, null for nothing, and NaN for what is none. */
export function toCount(text: string): number | null {
  const digits = text.trim();
  if (!digits) return null;
  return /^\d{1,15}$/.test(digits) ? Number(digits) : NaN;
}
