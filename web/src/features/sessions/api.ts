import { api, told, toldAsResponse } from "@/api/client";
import { saveAs } from "@/api/download";
import { problemOf } from "@/api/problem";
import type { Message, MessagePage, Rating, Session, SessionPage } from "@/api/model";

export interface SessionFilter {
  readonly query: string;
  readonly isArchived: boolean;
}

const SESSIONS_A_PAGE = 40;
/** The newest messages come quickly; who looks further back gets more at once. */
const MESSAGES_FIRST = 50;
const MESSAGES_A_PAGE = 100;

const ONE = "/api/v1/sessions/{session_id}";

function named(session_id: string) {
  return { params: { path: { session_id } } };
}

export function listSessions(filter: SessionFilter, cursor: string | null): Promise<SessionPage> {
  const query = {
    query: filter.query,
    archived: filter.isArchived,
    limit: SESSIONS_A_PAGE,
    ...(cursor === null ? {} : { cursor }),
  };
  return told(api.GET("/api/v1/sessions", { params: { query } }));
}

export function createSession(): Promise<Session> {
  return told(api.POST("/api/v1/sessions", { body: {} }));
}

export function getSession(id: string): Promise<Session> {
  return told(api.GET(ONE, named(id)));
}

export interface SessionChange {
  readonly title?: string;
  readonly is_pinned?: boolean;
  readonly is_archived?: boolean;
  readonly model?: string;
}

export function changeSession(id: string, body: SessionChange): Promise<Session> {
  return told(api.PATCH(ONE, { ...named(id), body }));
}

export async function deleteSession(id: string): Promise<void> {
  await told(api.DELETE(ONE, named(id)));
}

/** The messages before a position, oldest first; the newest with `null`. */
export function listMessages(session_id: string, before: number | null): Promise<MessagePage> {
  const query = before === null ? { limit: MESSAGES_FIRST } : { limit: MESSAGES_A_PAGE, before };
  return messagesBefore(session_id, query);
}

/** The message at a position; null where it is gone, alone or with its conversation. */
export async function findMessage(session: string, position: number): Promise<Message | null> {
  try {
    const page = await messagesBefore(session, { before: position + 1, limit: 1 });
    const message = page.messages[0];
    return message?.position === position && message.message !== null ? message : null;
  } catch (error) {
    if (problemOf(error).status === 404) {
      return null;
    }
    throw error;
  }
}

function messagesBefore(
  session_id: string,
  query: { before?: number; limit: number },
): Promise<MessagePage> {
  return told(
    api.GET("/api/v1/sessions/{session_id}/messages", { params: { path: { session_id }, query } }),
  );
}

/** A new session that shares the entries before `at`. */
export function forkSession(id: string, at: number): Promise<Session> {
  return told(api.POST("/api/v1/sessions/{session_id}/fork", { ...named(id), body: { at } }));
}

/** Goes back to before `at`, in a session that takes this one's place; nothing is cut. */
export function rewindSession(id: string, at: number): Promise<Session> {
  return told(api.POST("/api/v1/sessions/{session_id}/rewind", { ...named(id), body: { at } }));
}

export async function rate(
  session_id: string,
  message: Message,
  rating: Rating | null,
): Promise<void> {
  await told(
    api.PUT("/api/v1/sessions/{session_id}/messages/{position}/feedback", {
      params: { path: { session_id, position: message.position } },
      body: { rating, comment: "" },
    }),
  );
}

export type ExportFormat = "markdown" | "jsonl" | "json";

const ENDINGS: Record<ExportFormat, string> = { markdown: "md", jsonl: "jsonl", json: "json" };

/** Downloads a session as a file. */
export async function downloadSession(session: Session, format: ExportFormat): Promise<void> {
  const response = await toldAsResponse(
    api.GET("/api/v1/sessions/{session_id}/export", {
      params: { path: { session_id: session.id }, query: { format } },
      parseAs: "stream",
    }),
  );
  await saveAs(response, `${fileName(session.title)}.${ENDINGS[format]}`);
}

function fileName(title: string): string {
  const plain = title.replace(/[^\p{L}\p{N} _-]+/gu, " ").trim();
  return plain.slice(0, 80) || "conversation";
}
