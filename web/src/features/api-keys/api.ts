import { queryOptions } from "@tanstack/react-query";

import { api, told } from "@/api/client";
import type { NewApiKey } from "@/api/model";

export const apiKeysQuery = queryOptions({
  queryKey: ["api-keys"],
  queryFn: async () => (await told(api.GET("/api/v1/api-keys"))).api_keys,
});

export function createApiKey(name: string, expires_in_days: number | null): Promise<NewApiKey> {
  return told(api.POST("/api/v1/api-keys", { body: { name, expires_in_days } }));
}

export async function revokeApiKey(key_id: string): Promise<void> {
  await told(api.DELETE("/api/v1/api-keys/{key_id}", { params: { path: { key_id } } }));
}
