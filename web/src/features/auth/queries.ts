import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { api, onAccount, told } from "@/api/client";
import type { Account } from "@/api/model";
import { getPublicConfig } from "@/features/auth/api";

export const accountQuery = queryOptions({
  queryKey: ["account"],
  queryFn: (): Promise<Account> => told(api.GET("/api/v1/account")),
  staleTime: 60_000,
});

export const publicConfigQuery = queryOptions({
  queryKey: ["config"],
  queryFn: getPublicConfig,
  staleTime: Number.POSITIVE_INFINITY,
});

/** Whether it is told to everybody, so that it may be kept when somebody signs out. */
export function isPublic(key: readonly unknown[]): boolean {
  return key[0] === publicConfigQuery.queryKey[0];
}

export function useAccount(): Account | undefined {
  return useQuery(accountQuery).data;
}

/** Puts the account that comes with each new token where `useAccount` finds it. */
export function useAccountFromTokens(): void {
  const client = useQueryClient();
  useEffect(
    () => onAccount((account) => client.setQueryData(accountQuery.queryKey, account)),
    [client],
  );
}
