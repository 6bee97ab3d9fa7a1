import { queryOptions } from "@tanstack/react-query";

import { call } from "@/api/client";
import type { Quota, QuotaResource, UsageDay } from "@/api/model";

export const QUOTA_KEY = ["usage", "quota"] as const;

export const quotaQuery = queryOptions({
  queryKey: QUOTA_KEY,
  queryFn: () => call<Quota>("GET", "usage/quota"),
  staleTime: 15_000,
});

export function historyQuery(days: number) {
  return queryOptions({
    queryKey: ["usage", "history", days],
    queryFn: async () =>
      (await call<{ days: UsageDay[] }>("GET", "usage/history", { query: { days } })).days,
    staleTime: 60_000,
  });
}

/** The limit that is nearest to its end, where one has come to the warning or beyond. */
export function nearestLimit(quota: Quota): (QuotaResource & { percent: number }) | null {
  let nearest: (QuotaResource & { percent: number }) | null = null;
  for (const resource of quota.resources) {
    const percent = resource.percent;
    if (percent !== null && percent >= quota.warning_percent && percent > (nearest?.percent ?? -1)) {
      nearest = { ...resource, percent };
    }
  }
  return nearest;
}
