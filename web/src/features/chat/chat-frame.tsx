import { type ReactNode, useEffect } from "react";

import type { Session } from "@/api/model";
import { Composer, type ComposerProps } from "@/features/chat/composer";
import { ComposerTools, type TurnChoices } from "@/features/chat/tools";
import type { Turn } from "@/features/chat/turn";
import { SessionMenu } from "@/features/sessions/session-menu";
import { sessionTitle } from "@/features/sessions/title";
import { UsageWarning } from "@/features/usage/warning";
import { TopBar } from "@/app/top-bar";

export interface ChatFrameProps {
  readonly session?: Session | undefined;
  readonly turn?: Turn | undefined;
  readonly composer: Omit<ComposerProps, "tools">;
  readonly choices: TurnChoices;
  readonly onChoices: (choices: TurnChoices) => void;
  readonly children: ReactNode;
}

/** A conversation's frame: its title above, what was said, and below where one writes. */
export function ChatFrame(props: ChatFrameProps) {
  const { session, composer, choices, onChoices, children } = props;
  useEscape(composer.isAnswering ? composer.onStop : null);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <TopBar
        title={session ? sessionTitle(session) : "New conversation"}
        isHeading={session !== undefined}
        action={session && <SessionMenu session={session} isShown />}
      />
      {children}
      <div className="mx-auto w-full max-w-[46rem] shrink-0 space-y-3 px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] sm:px-6">
        {props.turn?.problem?.status !== 429 && <UsageWarning />}
        <Composer {...composer} tools={<ComposerTools choices={choices} onChange={onChoices} />} />
        <p className="pb-1 text-center text-xs text-ink-faint max-sm:sr-only">
          Answers can be wrong. Everything said is kept, and yours to export or delete.
        </p>
      </div>
    </div>
  );
}

/** Escape stops the answer, unless it closes a dialog or a menu. */
function useEscape(onStop: (() => void) | null): void {
  useEffect(() => {
    if (!onStop) {
      return;
    }
    function onKeyDown(event: KeyboardEvent) {
      const isElsewhere = document.querySelector("dialog[open], [role=menu]") !== null;
      if (event.key === "Escape" && !event.defaultPrevented && !isElsewhere) {
        onStop?.();
      }
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [onStop]);
}
