import type { Recalled } from "@/api/model";
import { Problem, problemFrom } from "@/api/problem";
import type { ServerEvent } from "@/api/sse";

/**
 * A turn under way, as a value: what was asked, and what has come of the answer. Each server event
 * makes the next value, so that a stream that is picked up again after a reload gives the same.
 */
export interface Turn {
  readonly session: string;
  readonly phase: "sending" | "waiting" | "streaming" | "reconnecting" | "done" | "failed";
  readonly isStopping: boolean;
  /** What the person wrote; null where the turn was picked up and the journal has it already. */
  readonly question: string | null;
  /** The position of the question in its session, once the server has it. */
  readonly questionPosition: number | null;
  readonly stream: string | null;
  readonly lastEventId: string;
  readonly text: string;
  readonly thinking: string;
  readonly recalled: readonly Recalled[];
  readonly notices: readonly string[];
  /** How many messages the model was not shown because they would not have fitted. */
  readonly leftOut: number;
  readonly answerPosition: number | null;
  readonly stopReason: string | null;
  readonly problem: Problem | null;
}

export function newTurn(session: string, question: string | null): Turn {
  return {
    session,
    phase: question === null ? "waiting" : "sending",
    isStopping: false,
    question,
    questionPosition: null,
    stream: null,
    lastEventId: "",
    text: "",
    thinking: "",
    recalled: [],
    notices: [],
    leftOut: 0,
    answerPosition: null,
    stopReason: null,
    problem: null,
  };
}

export function isOver(turn: Turn): boolean {
  return turn.phase === "done" || turn.phase === "failed";
}

/** The turn after one more event; an event that this app does not know changes nothing. */
export function after(turn: Turn, event: ServerEvent): Turn {
  const next = { ...turn, lastEventId: event.id || turn.lastEventId };
  const data = parsed(event.data);
  switch (event.event) {
    case "start":
      return {
        ...next,
        phase: "waiting",
        stream: textOr(data.stream, turn.stream),
        questionPosition: numberOr(data.position, turn.questionPosition),
      };
    case "recall":
      return { ...next, recalled: hitsIn(data.hits) };
    case "view":
      return { ...next, leftOut: countOf(data.left_out) };
    case "delta":
      return { ...next, phase: "streaming", text: turn.text + (textOr(data.text, "") ?? "") };
    case "thinking":
      return {
        ...next,
        phase: "streaming",
        thinking: turn.thinking + (textOr(data.text, "") ?? ""),
      };
    case "notice":
      return { ...next, notices: [...turn.notices, textOr(data.text, "") ?? ""] };
    case "done":
      return {
        ...next,
        phase: "done",
        answerPosition: numberOr(data.position, null),
        stopReason: textOr(data.stop_reason, null),
      };
    case "error":
      return { ...next, phase: "failed", problem: problemFrom(500, data) };
    default:
      return next;
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function hitsIn(value: unknown): Recalled[] {
  if (!Array.isArray(value)) {
    return [];
  }
  return value.filter(
    (hit): hit is Recalled =>
      typeof hit === "object" && hit !== null && typeof (hit as Recalled).text === "string",
  );
}

function countOf(value: unknown): number {
  return Array.isArray(value) ? value.length : (numberOr(value, 0) ?? 0);
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === "string" ? value : otherwise;
}

function numberOr<T>(value: unknown, otherwise: T): number | T {
  return typeof value === "number" ? value : otherwise;
}
