/** What went wrong with a request, in the server's words, ready to be shown to a person. */
export interface ProblemFacts {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  /** What to tell the administrator, who finds the request in the logs by it. */
  readonly correlationId?: string | undefined;
  /** Seconds until trying again makes sense. */
  readonly retryAfterS?: number | undefined;
  /** Everything else that the server said about this error: limit, used, resets_at_us … */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly correlationId: string | undefined;
  readonly retryAfterS: number | undefined;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(facts: ProblemFacts) {
    super(facts.message);
    this.name = "Problem";
    this.status = facts.status;
    this.code = facts.code;
    this.hint = facts.hint;
    this.correlationId = facts.correlationId;
    this.retryAfterS = facts.retryAfterS;
    this.facts = facts.facts ?? {};
  }

  /** True where the server was not reached at all. */
  get isOffline(): boolean {
    return this.status === 0;
  }

  /** A number among the facts, or null. */
  number(name: string): number | null {
    const value = this.facts[name];
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  }

  /** A text among the facts, or null. */
  text(name: string): string | null {
    const value = this.facts[name];
    return typeof value === "string" && value !== "" ? value : null;
  }
}

const UNREACHABLE: ProblemFacts = {
  status: 0,
  code: "unreachable",
  message: "The server can't be reached.",
  hint: "Check the connection; what you typed stays here.",
};

/** The problem behind anything that was thrown. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) {
    return thrown;
  }
  if (thrown instanceof TypeError && /fetch|network|load failed/i.test(thrown.message)) {
    return new Problem(UNREACHABLE);
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Problem({
    status: -1,
    code: "app_error",
    message: "Something in this page went wrong.",
    hint: message,
  });
}

/** The problem that an error body describes: `{"error": {type, code, message, hint, …facts}}`. */
export function problemFrom(status: number, body: unknown, headers?: Headers): Problem {
  const error = errorIn(body);
  const { code, type, message, hint, correlation_id, ...facts } = error;
  const retryAfter = Number(headers?.get("retry-after") ?? Number.NaN);
  return new Problem({
    status,
    code: textOr(code, textOr(type, `http_${status}`)),
    message: textOr(message, `The server answered with an error (${status}).`),
    hint: textOr(hint, "") || undefined,
    correlationId:
      textOr(correlation_id, "") || headers?.get("x-correlation-id") || undefined,
    retryAfterS: Number.isFinite(retryAfter) ? retryAfter : undefined,
    facts,
  });
}

function errorIn(body: unknown): Record<string, unknown> {
  if (typeof body === "object" && body !== null && "error" in body) {
    const error = (body as { error: unknown }).error;
    if (typeof error === "object" && error !== null) {
      return error as Record<string, unknown>;
    }
  }
  return {};
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" && value !== "" ? value : otherwise;
}
