import { access, call } from "@/api/client";
import type { SignedIn } from "@/api/access";
import type { Account, PublicConfig } from "@/api/model";

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name?: string;
  readonly invitation?: string;
}

export function getPublicConfig(): Promise<PublicConfig> {
  return call("GET", "config");
}

export function register(body: Registration): Promise<unknown> {
  return call("POST", "auth/register", { body });
}

export function verifyEmail(token: string): Promise<unknown> {
  return call("POST", "auth/verify-email", { body: { token } });
}

export function resendVerification(email: string): Promise<unknown> {
  return call("POST", "auth/resend-verification", { body: { email } });
}

export async function signIn(email: string, password: string): Promise<Account> {
  const answer = await call<SignedIn<Account>>("POST", "auth/login", { body: { email, password } });
  access.signIn(answer);
  return answer.account;
}

/** Ends the session on the server, then here; here even where the server can't be reached. */
export async function signOut(): Promise<void> {
  try {
    await call("POST", "auth/logout");
  } finally {
    access.signOut();
  }
}

export function requestReset(email: string): Promise<unknown> {
  return call("POST", "auth/request-password-reset", { body: { email } });
}

export function resetPassword(token: string, password: string): Promise<unknown> {
  return call("POST", "auth/reset-password", { body: { token, password } });
}
