import { queryOptions } from "@tanstack/react-query";

import { api, told } from "@/api/client";
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
