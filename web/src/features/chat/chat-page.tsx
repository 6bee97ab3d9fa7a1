import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";

import { problemOf } from "@/api/problem";
import { Announcer } from "@/features/chat/announcer";
import { ChatFrame } from "@/features/chat/chat-frame";
import { keepDraft } from "@/features/chat/composer";
import { turns, useTurn } from "@/features/chat/live";
import { Messages } from "@/features/chat/messages";
import type { TurnChoices } from "@/features/chat/tools";
import { isOver } from "@/features/chat/turn";
import { forkSession, rewindSession } from "@/features/sessions/api";
import { messagesQuery, SESSIONS_KEY, sessionQuery } from "@/features/sessions/queries";
import { sessionTitle } from "@/features/sessions/title";
import { useDocumentTitle } from "@/ui/document-title";
import { say } from "@/ui/toast";
import type { Message } from "@/api/model";

export function ChatPage() {
  const { sessionId } = useParams({ from: "/signed-in/c/$sessionId" });
  const { at } = useSearch({ from: "/signed-in/c/$sessionId" });
  // A session of its own is a page of its own: no state of one shows in another.
  return <Conversation key={sessionId} session={sessionId} at={at} />;
}

function Conversation({ session, at }: { session: string; at: number | undefined }) {
  const turn = useTurn(session);
  const about = useQuery({ ...sessionQuery(session), refetchOnMount: "always" });
  const history = useInfiniteQuery(messagesQuery(session));
  const [choices, setChoices] = useState<TurnChoices>({ model: null, memory: true });
  const [draftNumber, setDraftNumber] = useState(0);
  useDocumentTitle(about.data ? sessionTitle(about.data) : null);
  useResume(session, about.data?.active_stream ?? null, about.isFetchedAfterMount);

  const messages = useMemo(
    () => [...(history.data?.pages ?? [])].reverse().flatMap((page) => page.messages),
    [history.data],
  );
  const isAnswering = turn !== undefined && !isOver(turn);
  const model = choices.model ?? (about.data?.model || undefined);
  const moves = useMoves(session, () => setDraftNumber((number) => number + 1));

  function send(text: string) {
    void turns.send(session, text, { model, memory: choices.memory });
  }

  return (
    <ChatFrame
      session={about.data}
      turn={turn}
      composer={{
        session,
        draftNumber,
        isAnswering,
        isStopping: turn?.isStopping ?? false,
        onSend: send,
        onStop: () => turns.stop(session).catch((error) => say(problemOf(error).message, "bad")),
      }}
      choices={{ ...choices, model: model ?? null }}
      onChoices={setChoices}
    >
      <Announcer turn={turn} />
      <Messages
        session={session}
        messages={messages}
        history={history}
        turn={turn}
        marked={at ?? null}
        moves={moves}
        onRetry={() => {
          const question = turn?.question;
          turns.clear(session);
          if (question) {
            send(question);
          } else {
            void history.refetch();
          }
        }}
      />
    </ChatFrame>
  );
}

/** Picks up an answer that was under way before this page was loaded. */
function useResume(session: string, stream: string | null, isFresh: boolean): void {
  useEffect(() => {
    if (isFresh && stream !== null) {
      void turns.resume(session, stream);
    }
  }, [session, stream, isFresh]);
}

/** Forking, rewinding and editing: each leads to a session, nothing is ever cut. */
function useMoves(session: string, onDraft: () => void) {
  const navigate = useNavigate();
  const client = useQueryClient();
  return useMemo(() => {
    async function go(work: Promise<{ id: string }>, done: string) {
      try {
        const { id } = await work;
        turns.clear(session);
        await Promise.all([
          client.invalidateQueries({ queryKey: SESSIONS_KEY }),
          client.resetQueries({ queryKey: messagesQuery(id).queryKey }),
        ]);
        await navigate({ to: "/c/$sessionId", params: { sessionId: id } });
        say(done);
      } catch (error) {
        say(problemOf(error).message, "bad");
      }
    }
    return {
      onFork: (message: Message) =>
        void go(forkSession(session, message.position + 1), "This is a fork: it goes its own way from here."),
      onRewind: (message: Message) =>
        void go(rewindSession(session, message.position + 1), "Back at that answer."),
      onEdit: (message: Message) =>
        void go(
          rewindSession(session, message.position).then((rewound) => {
            keepDraft(rewound.id, message.text);
            onDraft();
            return rewound;
          }),
          "Change your message and send it again.",
        ),
    };
  }, [session, client, navigate, onDraft]);
}
