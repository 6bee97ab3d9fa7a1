import { useEffect, useRef, useState } from "react";

import { isOver, type Turn } from "@/features/chat/turn";

const ANSWER_CHARS_MAX = 1_500;

/**
 * Tells a screen reader how the answer is coming along: that it has begun, and at its end what it
 * says. Reading each piece out as it streams would be noise.
 */
export function Announcer({ turn }: { turn: Turn | undefined }) {
  const [text, setText] = useState("");
  const told = useRef("");
  const state = stateOf(turn);
  useEffect(() => {
    if (state !== told.current) {
      told.current = state;
      setText(wordsFor(state, turn));
    }
  }, [state, turn]);
  return (
    <div role="log" aria-live="polite" aria-label="Progress of the answer" className="sr-only">
      {text}
    </div>
  );
}

function stateOf(turn: Turn | undefined): string {
  if (!turn) {
    return "";
  }
  return isOver(turn) ? turn.phase : turn.phase === "reconnecting" ? "reconnecting" : "answering";
}

function wordsFor(state: string, turn: Turn | undefined): string {
  if (state === "answering") {
    return "The answer is coming.";
  }
  if (state === "reconnecting") {
    return "The connection was lost; trying again.";
  }
  if (state === "done" && turn) {
    const isCut = turn.text.length > ANSWER_CHARS_MAX;
    return `Answer: ${turn.text.slice(0, ANSWER_CHARS_MAX)}${isCut ? " … The rest is in the page." : ""}`;
  }
  // A failure is an alert of its own.
  return "";
}
