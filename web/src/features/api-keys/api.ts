import { queryOptions } from "@tanstack/react-query";

import { call } from "@/api/client";
import type { ApiKey, NewApiKey } from "@/api/model";

export const apiKeysQuery = queryOptions({
  queryKey: ["api-keys"],
  queryFn: async () => (await call<{ api_keys: ApiKey[] }>("GET", "api-keys")).api_keys,
});

export function createApiKey(name: string, days: number | null): Promise<NewApiKey> {
  return call("POST", "api-keys", {
    body: { name, ...(days === null ? {} : { expires_in_days: days }) },
  });
}

export function revokeApiKey(id: string): Promise<void> {
  return call("DELETE", `api-keys/${encodeURIComponent(id)}`);
}
