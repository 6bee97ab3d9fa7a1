import { call, open } from "@/api/client";
import type { Message, MessagePage, Rating, Session, SessionPage } from "@/api/model";

export interface SessionFilter {
  readonly query: string;
  readonly isArchived: boolean;
}

const SESSIONS_A_PAGE = 40;
const MESSAGES_A_PAGE = 50;

export function listSessions(filter: SessionFilter, cursor: string | null): Promise<SessionPage> {
  return call("GET", "sessions", {
    query: {
      query: filter.query,
      archived: filter.isArchived,
      cursor,
      limit: SESSIONS_A_PAGE,
    },
  });
}

export function createSession(title?: string): Promise<Session> {
  return call("POST", "sessions", { body: title ? { title } : {} });
}

export function getSession(id: string): Promise<Session> {
  return call("GET", `sessions/${encodeURIComponent(id)}`);
}

export interface SessionChange {
  readonly title?: string;
  readonly is_pinned?: boolean;
  readonly is_archived?: boolean;
  readonly model?: string;
}

export function changeSession(id: string, body: SessionChange): Promise<Session> {
  return call("PATCH", `sessions/${encodeURIComponent(id)}`, { body });
}

export function deleteSession(id: string): Promise<void> {
  return call("DELETE", `sessions/${encodeURIComponent(id)}`);
}

/** The messages before a position, oldest first; the newest with `null`. */
export function listMessages(id: string, before: number | null): Promise<MessagePage> {
  return call("GET", `sessions/${encodeURIComponent(id)}/messages`, {
    query: { before, limit: MESSAGES_A_PAGE },
  });
}

/** A new session that shares the messages before `at`. */
export function forkSession(id: string, at: number): Promise<Session> {
  return call("POST", `sessions/${encodeURIComponent(id)}/fork`, { body: { at } });
}

/** Goes back to before `at`: a fork takes the session's place, nothing is cut. */
export function rewindSession(id: string, at: number): Promise<Session> {
  return call("POST", `sessions/${encodeURIComponent(id)}/rewind`, { body: { at } });
}

export function rate(id: string, message: Message, rating: Rating | null): Promise<unknown> {
  return call("PUT", `sessions/${encodeURIComponent(id)}/messages/${message.position}/feedback`, {
    body: { rating },
  });
}

export type ExportFormat = "markdown" | "jsonl" | "json";

const ENDINGS: Record<ExportFormat, string> = { markdown: "md", jsonl: "jsonl", json: "json" };

/** Downloads a session as a file. The token goes in a header, so a plain link can't do it. */
export async function downloadSession(session: Session, format: ExportFormat): Promise<void> {
  const response = await open("GET", `sessions/${encodeURIComponent(session.id)}/export`, {
    query: { format },
  });
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = `${fileName(session.title)}.${ENDINGS[format]}`;
  link.click();
  URL.revokeObjectURL(address);
}

function fileName(title: string | null): string {
  const plain = (title ?? "").replace(/[^\p{L}\p{N} _-]+/gu, " ").trim();
  return plain.slice(0, 80) || "conversation";
}
