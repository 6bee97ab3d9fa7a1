import { problemFrom, problemOf, type Problem } from "@/api/problem";

/**
 * Who is signed in, in this tab and in all others.
 *
 * The access token lives in this module's memory and nowhere else; a reload gets a new one from the
 * HttpOnly refresh cookie. However many requests find the token stale at once, and in however many
 * tabs, one of them asks the server: inside a tab they share one promise, between tabs a Web Lock,
 * and the winner tells the others over a BroadcastChannel. Where the browser has no locks (plain
 * http away from loopback) the server's grace for a rotated token covers the race.
 */

/** What signing in and refreshing return. */
export interface SignedIn<Who> {
  readonly access_token: string;
  readonly expires_in_s: number;
  readonly account: Who;
}

export interface Access {
  readonly token: string;
  /** By this browser's clock, in milliseconds. */
  readonly expiresAtMs: number;
}

export type Standing = "unknown" | "signed-in" | "signed-out";

/** What the outside world gives to `AccessKeeper`; tests give their own. */
export interface AccessWorld {
  /** Asks the server for a new access token by the cookie. */
  readonly refresh: () => Promise<Response>;
  readonly nowMs: () => number;
  /** Runs alone among all tabs. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  readonly tell: (message: AccessMessage) => void;
  /** Whether this browser has signed in before: not a secret, saves a request that must fail. */
  readonly hint: { read: () => boolean; write: (isSignedIn: boolean) => void };
}

export type AccessMessage =
  | { readonly kind: "access"; readonly access: Access }
  | { readonly kind: "signed-out" };

/** A token this close to its end is renewed before it is used. */
const EARLY_MS = 20_000;

export class AccessKeeper<Who> {
  #access: Access | null = null;
  #standing: Standing = "unknown";
  #underWay: Promise<Access | null> | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #world: AccessWorld;
  readonly #onAccount: (account: Who) => void;

  constructor(world: AccessWorld, onAccount: (account: Who) => void) {
    this.#world = world;
    this.#onAccount = onAccount;
  }

  get standing(): Standing {
    return this.#standing;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Finds out whether the cookie of an earlier visit still signs in. */
  async start(): Promise<Standing> {
    if (this.#standing === "unknown") {
      if (this.#world.hint.read()) {
        await this.renew();
      } else {
        this.#become("signed-out");
      }
    }
    return this.#standing;
  }

  signIn(answer: SignedIn<Who>): void {
    this.#accept(answer);
  }

  /** Forgets the token here and in the other tabs. */
  signOut(): void {
    this.#world.tell({ kind: "signed-out" });
    this.#forget();
  }

  /** What another tab told. */
  hear(message: AccessMessage): void {
    if (message.kind === "signed-out") {
      this.#forget();
    } else {
      this.#access = message.access;
      this.#become("signed-in");
    }
  }

  /** A token good for a request now, or null where nobody is signed in. */
  async token(): Promise<string | null> {
    if (this.#access && this.#access.expiresAtMs - EARLY_MS > this.#world.nowMs()) {
      return this.#access.token;
    }
    if (this.#standing === "unknown" && !this.#world.hint.read()) {
      this.#become("signed-out");
    }
    if (this.#standing === "signed-out") {
      return null;
    }
    return (await this.renew(this.#access?.token))?.token ?? null;
  }

  /**
   * A token other than `stale`; asks the server unless another tab has just done so.
   *
   * Throws a `Problem` where the server can't be reached: nobody is signed out by a lost network.
   */
  renew(stale?: string): Promise<Access | null> {
    this.#underWay ??= this.#world
      .alone(async () => {
        if (this.#access && this.#access.token !== stale && stale !== undefined) {
          return this.#access;
        }
        return await this.#ask();
      })
      .finally(() => {
        this.#underWay = null;
      });
    return this.#underWay;
  }

  async #ask(): Promise<Access | null> {
    let response: Response;
    try {
      response = await this.#world.refresh();
    } catch (error) {
      throw problemOf(error);
    }
    if (response.ok) {
      return this.#accept((await response.json()) as SignedIn<Who>);
    }
    if (response.status === 401 || response.status === 403) {
      this.#forget();
      return null;
    }
    throw await asProblem(response);
  }

  #accept(answer: SignedIn<Who>): Access {
    const access = {
      token: answer.access_token,
      expiresAtMs: this.#world.nowMs() + answer.expires_in_s * 1000,
    };
    this.#access = access;
    this.#world.hint.write(true);
    this.#onAccount(answer.account);
    this.#world.tell({ kind: "access", access });
    this.#become("signed-in");
    return access;
  }

  #forget(): void {
    this.#access = null;
    this.#world.hint.write(false);
    this.#become("signed-out");
  }

  #become(standing: Standing): void {
    if (this.#standing !== standing) {
      this.#standing = standing;
      for (const listener of this.#listeners) {
        listener();
      }
    }
  }
}

/** The problem that a response describes. */
export async function asProblem(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  return problemFrom(response.status, body, response.headers);
}
