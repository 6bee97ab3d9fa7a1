import { access, api, told } from "@/api/client";
import type { Account, PublicConfig } from "@/api/model";

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly invitation: string;
}

export function getPublicConfig(): Promise<PublicConfig> {
  return told(api.GET("/api/v1/config"));
}

export async function register(body: Registration): Promise<void> {
  await told(api.POST("/api/v1/auth/register", { body }));
}

export async function verifyEmail(token: string): Promise<void> {
  await told(api.POST("/api/v1/auth/verify-email", { body: { token } }));
}

export async function resendVerification(email: string): Promise<void> {
  await told(api.POST("/api/v1/auth/resend-verification", { body: { email } }));
}

export async function signIn(email: string, password: string): Promise<Account> {
  const answer = await told(api.POST("/api/v1/auth/login", { body: { email, password } }));
  access.signIn(answer);
  return answer.account;
}

/** Ends the session on the server, then here; here even where the server can't be reached. */
export async function signOut(): Promise<void> {
  try {
    await told(api.POST("/api/v1/auth/logout"));
  } finally {
    access.signOut();
  }
}

export async function requestReset(email: string): Promise<void> {
  await told(api.POST("/api/v1/auth/request-password-reset", { body: { email } }));
}

export async function resetPassword(token: string, password: string): Promise<void> {
  await told(api.POST("/api/v1/auth/reset-password", { body: { token, password } }));
}
