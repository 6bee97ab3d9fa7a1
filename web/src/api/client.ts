import createClient from "openapi-fetch";

import { AccessKeeper } from "@/api/access";
import type { Account } from "@/api/model";
import { Problem, problemFrom, problemOf } from "@/api/problem";
import type { paths } from "@/api/schema";
import { browserWorld } from "@/api/world";

type AccountListener = (account: Account) => void;
const accountListeners = new Set<AccountListener>();

/** The one keeper of this tab's access token. */
export const access: AccessKeeper<Account> = new AccessKeeper<Account>(
  browserWorld((message) => access.hear(message)),
  (account) => {
    for (const listener of accountListeners) {
      listener(account);
    }
  },
);

/** Calls `listener` with the account whenever the server told it with a new token. */
export function onAccount(listener: AccountListener): () => void {
  accountListeners.add(listener);
  return () => accountListeners.delete(listener);
}

/** The server's routes, typed by its own description (`schema.ts` is generated from it). */
export const api = createClient<paths>({ fetch: fetchSignedIn, credentials: "same-origin" });

/** What the server tells those who are not signed in. */
const OPEN_TO_ALL = /^\/api\/v1\/(auth\/|config$)/;

interface Told<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** What a route answered; throws the `Problem` that the server described where it refused. */
export async function told<T>(call: Promise<Told<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) {
    throw problemFrom(response.status, error, response.headers);
  }
  return data as T;
}

/** Like `told`, for an answer that is read as it comes: a stream, or a file. */
export async function toldAsResponse(call: Promise<Told<unknown>>): Promise<Response> {
  const { error, response } = await call;
  if (!response.ok) {
    throw problemFrom(response.status, error, response.headers);
  }
  return response;
}

/**
 * Like `fetch`, as the person who is signed in: adds the token, and where the server finds it
 * stale asks for a new one and tries once more. Throws a `Problem` where there is no answer.
 */
async function fetchSignedIn(request: Request): Promise<Response> {
  const again = request.clone();
  const token = await access.token();
  if (token === null && !OPEN_TO_ALL.test(new URL(request.url).pathname)) {
    throw new Problem({ status: 401, code: "signed_out", message: "You are signed out." });
  }
  const response = await send(request, token);
  if (response.status !== 401 || token === null) {
    return response;
  }
  const renewed = await access.renew(token);
  return renewed ? await send(again, renewed.token) : response;
}

async function send(request: Request, token: string | null): Promise<Response> {
  if (token !== null) {
    request.headers.set("authorization", `Bearer ${token}`);
  }
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) {
      throw error;
    }
    throw problemOf(error);
  }
}
