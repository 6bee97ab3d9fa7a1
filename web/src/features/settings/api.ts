import { queryOptions } from "@tanstack/react-query";

import { api, told, toldAsResponse } from "@/api/client";
import { saveAs } from "@/api/download";
import type { Account } from "@/api/model";

export const devicesQuery = queryOptions({
  queryKey: ["devices"],
  queryFn: async () => (await told(api.GET("/api/v1/auth/sessions"))).sessions,
});

export async function signOutDevice(session_id: string): Promise<void> {
  await told(api.DELETE("/api/v1/auth/sessions/{session_id}", { params: { path: { session_id } } }));
}

export function changeProfile(name: string): Promise<Account> {
  return told(api.PATCH("/api/v1/account", { body: { name } }));
}

export async function changePassword(current_password: string, password: string): Promise<void> {
  await told(api.POST("/api/v1/account/password", { body: { current_password, password } }));
}

export async function changeEmail(password: string, email: string): Promise<void> {
  await told(api.POST("/api/v1/account/email", { body: { password, email } }));
}

export async function deleteAccount(password: string): Promise<void> {
  await told(api.DELETE("/api/v1/account", { body: { password } }));
}

/** Copies of everything that is kept of the account, made and not yet taken away again. */
export const exportsQuery = queryOptions({
  queryKey: ["exports"],
  queryFn: async () => (await told(api.GET("/api/v1/account/exports"))).exports,
});

export async function askForExport(): Promise<string> {
  return (await told(api.POST("/api/v1/account/exports"))).message;
}

export async function downloadExport(export_id: string): Promise<void> {
  const response = await toldAsResponse(
    api.GET("/api/v1/account/exports/{export_id}", {
      params: { path: { export_id } },
      parseAs: "stream",
    }),
  );
  await saveAs(response, `novacore-${export_id}.zip`);
}
