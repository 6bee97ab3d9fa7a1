import type { components, paths } from "@/api/schema";

/** The shapes of the HTTP API that the pages use, by the names that the pages have for them. */

type Schemas = components["schemas"];

/** What a GET of a path answers where all went well. */
type Got<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;

export type Account = Schemas["AccountAnswer"];
export type Device = Got<"/api/v1/auth/sessions">["sessions"][number];
export type PublicConfig = Got<"/api/v1/config">;

export type Session = Got<"/api/v1/sessions/{session_id}">;
export type SessionPage = Got<"/api/v1/sessions">;
export type MessagePage = Schemas["MessageList"];
export type Message = Schemas["MessageAnswer"];
export type Rating = NonNullable<Message["feedback"]>["rating"];

export type Model = Schemas["ModelAnswer"];

export type Quota = Schemas["QuotaAnswer"];
export type QuotaResource = Schemas["ResourceAnswer"];
export type Plan = Got<"/api/v1/plans">["plans"][number];
export type UsageDay = Schemas["DayAnswer"];

export type ApiKey = Schemas["KeyAnswer"];
export type NewApiKey = Schemas["NewKeyAnswer"];

/** A place where something was said that an answer was given to remember. */
export interface Recalled {
  readonly session: string;
  readonly position: number;
  /** What was said there, while the answer comes; later it is asked for. */
  readonly text?: string;
}
