import type { UsageDay } from "@/api/model";

export const DAYS = 30;
const DAY_MS = 86_400_000;

export interface Bar {
  readonly day: string;
  readonly tokens: number;
}

/** One bar for each of the last days, also for those without use. */
export function barsOf(rows: readonly UsageDay[], nowMs: number = Date.now()): Bar[] {
  const sums = sumsBy(rows, (row) => row.day);
  return Array.from({ length: DAYS }, (_, index) => {
    const day = new Date(nowMs - (DAYS - 1 - index) * DAY_MS).toISOString().slice(0, 10);
    return { day, tokens: sums.get(day) ?? 0 };
  });
}

/** Tokens by model, the most used first. */
export function byModel(rows: readonly UsageDay[]): [model: string, tokens: number][] {
  return [...sumsBy(rows, (row) => row.model)].sort((first, second) => second[1] - first[1]);
}

function sumsBy(rows: readonly UsageDay[], nameOf: (row: UsageDay) => string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const row of rows) {
    if (row.resource === "tokens") {
      sums.set(nameOf(row), (sums.get(nameOf(row)) ?? 0) + row.amount);
    }
  }
  return sums;
}
