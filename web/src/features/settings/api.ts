import { queryOptions } from "@tanstack/react-query";

import { call } from "@/api/client";
import type { Account, Device } from "@/api/model";

export const devicesQuery = queryOptions({
  queryKey: ["devices"],
  queryFn: async () => (await call<{ sessions: Device[] }>("GET", "auth/sessions")).sessions,
});

export function signOutDevice(id: string): Promise<void> {
  return call("DELETE", `auth/sessions/${encodeURIComponent(id)}`);
}

export function changeProfile(name: string): Promise<Account> {
  return call("PATCH", "account", { body: { name } });
}

export function changePassword(current: string, password: string): Promise<unknown> {
  return call("POST", "account/password", { body: { current_password: current, password } });
}

export function changeEmail(password: string, email: string): Promise<unknown> {
  return call("POST", "account/email", { body: { password, email } });
}

export function deleteAccount(password: string): Promise<unknown> {
  return call("DELETE", "account", { body: { password } });
}
