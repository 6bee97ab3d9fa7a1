import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { problemOf, type Problem } from "@/api/problem";
import { useAccount } from "@/features/auth/queries";
import { ChatFrame } from "@/features/chat/chat-frame";
import { keepDraft } from "@/features/chat/composer";
import { turns } from "@/features/chat/live";
import type { TurnChoices } from "@/features/chat/tools";
import { createSession } from "@/features/sessions/api";
import { SESSIONS_KEY, sessionQuery } from "@/features/sessions/queries";
import { useDocumentTitle } from "@/ui/document-title";
import { Logo } from "@/ui/icons";
import { Failure } from "@/ui/states";

/** Where a conversation begins: its session is made when the first message is sent. */
export function NewChatPage() {
  useDocumentTitle("New conversation");
  const account = useAccount();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [isSending, setIsSending] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [draftNumber, setDraftNumber] = useState(0);
  const [choices, setChoices] = useState<TurnChoices>({ model: null, memory: true });

  async function begin(text: string) {
    setIsSending(true);
    setProblem(null);
    try {
      const session = await createSession();
      client.setQueryData(sessionQuery(session.id).queryKey, session);
      void turns.send(session.id, text, {
        model: choices.model ?? undefined,
        memory: choices.memory,
      });
      void client.invalidateQueries({ queryKey: [...SESSIONS_KEY, "list"] });
      await navigate({ to: "/c/$sessionId", params: { sessionId: session.id } });
    } catch (error) {
      keepDraft("", text);
      setDraftNumber((number) => number + 1);
      setProblem(problemOf(error));
      setIsSending(false);
    }
  }

  const firstName = account?.name?.trim().split(/\s+/)[0];
  return (
    <ChatFrame
      composer={{
        session: "",
        draftNumber,
        isAnswering: false,
        isStopping: false,
        isDisabled: isSending,
        onSend: (text) => void begin(text),
        onStop: () => undefined,
      }}
      choices={choices}
      onChoices={setChoices}
    >
      <div className="flex min-h-0 grow flex-col items-center justify-center gap-5 overflow-y-auto px-6 text-center">
        <Logo className="size-12" />
        <div className="space-y-1.5">
          <h1 className="text-2xl font-semibold tracking-[-0.02em] sm:text-[1.75rem]">
            {greeting(new Date().getHours())}
            {firstName ? `, ${firstName}` : ""}
          </h1>
          <p className="text-ink-soft">What is on your mind? I remember what we talked about.</p>
        </div>
        {problem && (
          <div className="w-full max-w-md text-left">
            <Failure error={problem} />
          </div>
        )}
      </div>
    </ChatFrame>
  );
}

function greeting(hour: number): string {
  if (hour < 5) {
    return "Good night";
  }
  if (hour < 12) {
    return "Good morning";
  }
  return hour < 18 ? "Good afternoon" : "Good evening";
}
