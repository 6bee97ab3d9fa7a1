import { queryOptions } from "@tanstack/react-query";

import { api, told } from "@/api/client";

export const QUOTA_KEY = ["usage", "quota"] as const;

export const quotaQuery = queryOptions({
  queryKey: QUOTA_KEY,
  queryFn: () => told(api.GET("/api/v1/usage/quota")),
  staleTime: 15_000,
});

export function historyQuery(days: number) {
  return queryOptions({
    queryKey: ["usage", "history", days],
    queryFn: async () =>
      (await told(api.GET("/api/v1/usage/history", { params: { query: { days } } }))).days,
    staleTime: 60_000,
  });
}
