/** The shapes of the HTTP API that the pages use. */

export interface Account {
  id: string;
  email: string;
  name: string | null;
  role: "user" | "admin" | "agent";
  is_verified: boolean;
  plan: string | null;
  created_at_us: number;
}

export interface PublicConfig {
  name: string;
  registration: "open" | "invitation" | "closed";
  billing: "on" | "off";
  public_url: string | null;
}

export interface Device {
  id: string;
  device: string | null;
  ip: string | null;
  created_at_us: number;
  last_used_at_us: number;
  is_current: boolean;
}

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

export interface QuotaResource {
  resource: string;
  used: number;
  held: number;
  limit: number | null;
  percent: number | null;
}

export interface Quota {
  day: string;
  resets_at_us: number;
  plan: string;
  is_limited: boolean;
  resources: QuotaResource[];
  warning_percent: number;
}

export interface UsageDay {
  day: string;
  resource: string;
  model: string;
  agent: string;
  amount: number;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  created_at_us: number;
  expires_at_us: number | null;
  last_used_at_us: number | null;
}

export interface NewApiKey extends ApiKey {
  key: string;
}
