import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";

import {
  changeSession,
  deleteSession,
  findMessage,
  getSession,
  listMessages,
  listSessions,
  type SessionChange,
  type SessionFilter,
} from "@/features/sessions/api";
import { say } from "@/ui/toast";
import { problemOf } from "@/api/problem";

export const SESSIONS_KEY = ["sessions"] as const;

export function sessionsQuery(filter: SessionFilter) {
  return infiniteQueryOptions({
    queryKey: [...SESSIONS_KEY, "list", filter],
    queryFn: ({ pageParam }) => listSessions(filter, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

export function sessionQuery(id: string) {
  return queryOptions({
    queryKey: [...SESSIONS_KEY, "one", id],
    queryFn: () => getSession(id),
  });
}

/** The messages of a session in pages; the first page holds the newest. */
export function messagesQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: ["messages", id],
    queryFn: ({ pageParam }) => listMessages(id, pageParam),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => (page.has_more ? (page.messages[0]?.position ?? null) : null),
  });
}

/** One message by its place; null where it is gone. */
export function messageQuery(id: string, position: number) {
  return queryOptions({
    queryKey: [...SESSIONS_KEY, "message", id, position],
    queryFn: () => findMessage(id, position),
  });
}

export function useChangeSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, change }: { id: string; change: SessionChange }) => changeSession(id, change),
    onSuccess: (session) => {
      client.setQueryData(sessionQuery(session.id).queryKey, session);
      return client.invalidateQueries({ queryKey: [...SESSIONS_KEY, "list"] });
    },
    onError: (error) => say(problemOf(error).message, "bad"),
  });
}

export function useDeleteSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: deleteSession,
    onSuccess: async (_, id) => {
      client.removeQueries({ queryKey: ["messages", id] });
      client.removeQueries({ queryKey: sessionQuery(id).queryKey });
      await client.invalidateQueries({ queryKey: [...SESSIONS_KEY, "list"] });
    },
  });
}
