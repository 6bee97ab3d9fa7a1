import { api, told, toldAsResponse } from "@/api/client";
import type { Model } from "@/api/model";

export interface Said {
  readonly text: string;
  /** Who answers; empty: the conversation's model. */
  readonly model: string;
  /** Whether what was said in other conversations is recalled. */
  readonly memory: boolean;
}

/** Says something; the answer streams. The same key again gives the same turn. */
export function say(session_id: string, said: Said, key: string): Promise<Response> {
  return toldAsResponse(
    api.POST("/api/v1/sessions/{session_id}/turns", {
      params: { path: { session_id }, header: { "idempotency-key": key } },
      body: { text: said.text, model: said.model, memory: said.memory },
      parseAs: "stream",
    }),
  );
}

/** An answer's events behind the one that was seen last; all of them with an empty id. */
export function follow(stream_id: string, lastEventId: string): Promise<Response> {
  const header = lastEventId ? { "last-event-id": lastEventId } : {};
  return toldAsResponse(
    api.GET("/api/v1/streams/{stream_id}", {
      params: { path: { stream_id }, header },
      parseAs: "stream",
    }),
  );
}

export async function stop(stream_id: string): Promise<void> {
  await told(
    api.POST("/api/v1/streams/{stream_id}/stop", {
      params: { path: { stream_id } },
      parseAs: "stream",
    }),
  );
}

export async function listModels(): Promise<Model[]> {
  return (await told(api.GET("/api/v1/models"))).models;
}
