/** Numbers, amounts and times as a person reads them, in the browser's language and time zone. */

const US_PER_MS = 1000;
const DAY_MS = 86_400_000;

export function dateOf(atUs: number): Date {
  return new Date(atUs / US_PER_MS);
}

export function number(value: number): string {
  return new Intl.NumberFormat().format(value);
}

/** 12,400 as 12K: where space is short; the exact number stands in the title. */
export function shortNumber(value: number): string {
  return new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 }).format(
    value,
  );
}

const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

export function bytes(value: number): string {
  let amount = value;
  let unit = 0;
  while (amount >= 1000 && unit < BYTE_UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(undefined, {
    style: "unit",
    unit: BYTE_UNITS[unit] ?? "byte",
    // "0 byte" is what the short form makes of it.
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: unit === 0 ? 0 : 1,
  }).format(amount);
}

/** 900 and "USD" are $9.00: the smallest unit of a currency is not always a hundredth. */
export function price(minor: number, currency: string): string {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(minor / 10 ** digits);
}

export function dateTime(atUs: number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(
    dateOf(atUs),
  );
}

export function date(atUs: number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(dateOf(atUs));
}

/** When something is, ready for a sentence: "at 14:05", "tomorrow at 02:00". */
export function moment(atUs: number, nowMs: number = Date.now()): string {
  const at = dateOf(atUs);
  const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(at);
  const days = Math.round((startOfDay(at) - startOfDay(new Date(nowMs))) / DAY_MS);
  if (days === 0) {
    return `at ${time}`;
  }
  if (Math.abs(days) === 1) {
    return `${days > 0 ? "tomorrow" : "yesterday"} at ${time}`;
  }
  return `on ${dateTime(atUs)}`;
}

/** "just now", "5 min ago", "3 h ago", then the date. */
export function ago(atUs: number, nowMs: number = Date.now()): string {
  const minutes = Math.floor((nowMs - atUs / US_PER_MS) / 60_000);
  if (minutes < 1) {
    return "just now";
  }
  if (minutes < 60) {
    return `${minutes} min ago`;
  }
  if (minutes < 24 * 60) {
    return `${Math.floor(minutes / 60)} h ago`;
  }
  return date(atUs);
}

/** How long from now, rounded: "in 5 h 20 min". */
export function untilNow(atUs: number, nowMs: number = Date.now()): string {
  const minutes = Math.max(1, Math.ceil((atUs / US_PER_MS - nowMs) / 60_000));
  const hours = Math.floor(minutes / 60);
  if (hours === 0) {
    return `in ${minutes} min`;
  }
  const rest = minutes % 60;
  return rest === 0 ? `in ${hours} h` : `in ${hours} h ${rest} min`;
}

function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}
