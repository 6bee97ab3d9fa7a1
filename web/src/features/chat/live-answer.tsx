import { Markdown } from "@/features/chat/markdown";
import { Thinking } from "@/features/chat/message";
import { RecalledChips } from "@/features/chat/recalled";
import { TurnFailure } from "@/features/chat/refusal";
import { isOver, type Turn } from "@/features/chat/turn";
import { Spinner } from "@/ui/spinner";
import { Note } from "@/ui/states";

export interface LiveAnswerProps {
  readonly turn: Turn;
  readonly onRetry: () => void;
}

/** The answer as it comes. */
export function LiveAnswer({ turn, onRetry }: LiveAnswerProps) {
  return (
    <article aria-label="Answer" aria-busy={!isOver(turn)}>
      <RecalledChips hits={turn.recalled} />
      {turn.leftOut > 0 && (
        <p className="mb-3 text-sm text-ink-soft">
          This conversation is longer than the model can read at once: {turn.leftOut} earlier{" "}
          {turn.leftOut === 1 ? "message was" : "messages were"} left out.
        </p>
      )}
      {turn.notices.map((notice, index) => (
        <div key={index} className="mb-3">
          <Note kind="info">{notice}</Note>
        </div>
      ))}
      {turn.thinking && (
        <Thinking text={turn.thinking} isUnderWay={turn.text === "" && !isOver(turn)} />
      )}
      {turn.text && <Markdown text={turn.text} />}
      {turn.phase === "done" && turn.text === "" && (
        <p className="text-sm text-ink-soft">
          {turn.stopReason === "stopped" ? "Stopped before anything was said." : "No answer came."}
        </p>
      )}
      {!isOver(turn) && <Waiting turn={turn} />}
      {turn.problem && (
        <div className={turn.text ? "mt-4" : ""}>
          <TurnFailure problem={turn.problem} onRetry={onRetry} />
        </div>
      )}
    </article>
  );
}

function Waiting({ turn }: { turn: Turn }) {
  if (turn.phase === "reconnecting") {
    return (
      <p className="mt-3 flex items-center gap-2.5 text-sm text-ink-soft">
        <Spinner />
        The connection was lost. Picking up the answer again …
      </p>
    );
  }
  if (turn.text !== "") {
    return null;
  }
  return (
    <p className="flex h-7 items-center gap-1.5">
      <span className="sr-only">Waiting for the answer</span>
      {[0, 150, 300].map((delay) => (
        <span
          key={delay}
          aria-hidden="true"
          className="size-2 rounded-full bg-ink-faint animate-blink"
          style={{ animationDelay: `${delay}ms` }}
        />
      ))}
    </p>
  );
}
