import type { components } from "@/api/schema";

/** The shapes of the HTTP API that the pages use. */

export type Account = components["schemas"]["AccountAnswer"];

export interface PublicConfig {
  name: string;
  registration: "open" | "invitation" | "closed";
  billing: "on" | "off";
  public_url: string | null;
}

export type Device = components["schemas"]["SessionAnswer"];

export interface Session {
  id: string;
  title: string | null;
  is_pinned: boolean;
  is_archived: boolean;
  messages: number;
  created_at_us: number;
  updated_at_us: number;
  active_stream: string | null;
  model?: string | null;
}

export interface SessionPage {
  sessions: Session[];
  next_cursor: string | null;
}

export interface Recalled {
  session: string;
  position: number;
  text: string;
}

export type Rating = "up" | "down";

export interface Message {
  position: number;
  role: string;
  text: string;
  thinking?: string | null;
  said_at_us: number;
  feedback?: { rating: Rating; comment?: string | null } | null;
  is_partial?: boolean;
  recalled?: Recalled[] | null;
}

export interface MessagePage {
  messages: Message[];
  has_more: boolean;
}

export interface Model {
  id: string;
  provider: string;
  window_tokens: number | null;
}

export type Quota = components["schemas"]["QuotaAnswer"];
export type QuotaResource = components["schemas"]["ResourceAnswer"];
export type UsageDay = components["schemas"]["DayAnswer"];

export type ApiKey = components["schemas"]["KeyAnswer"];
export type NewApiKey = components["schemas"]["NewKeyAnswer"];
