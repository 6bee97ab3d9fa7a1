import { AccessKeeper, asProblem } from "@/api/access";
import type { Account } from "@/api/model";
import { problemOf } from "@/api/problem";
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

/**
 * Like `fetch`, as the person who is signed in: adds the token, and where the server finds it
 * stale asks for a new one and tries once more. Throws a `Problem` where there is no answer.
 */
export async function fetchSignedIn(request: Request): Promise<Response> {
  const again = request.clone();
  const token = await access.token();
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

export interface CallOptions {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** One request; the answer as it came, or the `Problem` that the server described. */
export async function open(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Response> {
  const response = await fetchSignedIn(requestFor(method, path, options));
  if (!response.ok) {
    throw await asProblem(response);
  }
  return response;
}

/** One request; what the JSON of the answer says. */
export async function call<T>(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<T> {
  const response = await open(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

function requestFor(method: string, path: string, options: CallOptions): Request {
  const url = new URL(`/api/v1/${path}`, window.location.origin);
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== null && value !== undefined && value !== "") {
      url.searchParams.set(name, String(value));
    }
  }
  const headers = new Headers(options.headers);
  let body: string | undefined;
  if (options.body !== undefined) {
    headers.set("content-type", "application/json");
    body = JSON.stringify(options.body);
  }
  return new Request(url, {
    method,
    headers,
    credentials: "same-origin",
    ...(body === undefined ? {} : { body }),
    ...(options.signal ? { signal: options.signal } : {}),
  });
}
