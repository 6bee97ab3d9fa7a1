import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";

import { IconButton } from "@/ui/button";
import { cx } from "@/ui/classes";
import { ArrowUpIcon, StopIcon } from "@/ui/icons";
import { Spinner } from "@/ui/spinner";

/** The server takes no longer message from a person. */
export const MESSAGE_CHARS_MAX = 10_000;
/** From here on the composer counts down. */
const COUNT_FROM = 9_000;
const HEIGHT_PX_MAX = 260;

/** What was typed and not sent, by session, until the reload. */
const drafts = new Map<string, string>();

export function keepDraft(session: string, text: string): void {
  drafts.set(session, text);
}

export interface ComposerProps {
  /** Whose draft it is; a new conversation has the empty name. */
  readonly session: string;
  readonly isAnswering: boolean;
  readonly isStopping: boolean;
  readonly isDisabled?: boolean;
  /** Changes whenever a new draft was put there from outside. */
  readonly draftNumber?: number;
  readonly tools?: ReactNode;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}

/** Where a person writes: Enter sends, Shift+Enter makes a new line, Escape stops the answer. */
export function Composer(props: ComposerProps) {
  const { session, isAnswering, isStopping, onSend, onStop } = props;
  const [text, setText] = useState(() => drafts.get(session) ?? "");
  const area = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    setText(drafts.get(session) ?? "");
    if (window.matchMedia("(pointer: fine)").matches) {
      area.current?.focus();
    }
  }, [session, props.draftNumber]);

  useLayoutEffect(() => {
    const element = area.current;
    if (element) {
      element.style.height = "auto";
      element.style.height = `${Math.min(element.scrollHeight, HEIGHT_PX_MAX)}px`;
    }
  }, [text]);

  function change(value: string) {
    setText(value);
    drafts.set(session, value);
  }

  const isTooLong = text.length > MESSAGE_CHARS_MAX;
  const canSend = text.trim() !== "" && !isTooLong && !isAnswering && !props.isDisabled;

  function send() {
    if (canSend) {
      onSend(text.trim());
      change("");
    }
  }

  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>) {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    }
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      className="rounded-[1.375rem] bg-raised shadow-lift ring-1 ring-line-strong/60 transition-shadow focus-within:ring-2 focus-within:ring-accent-ink"
    >
      <label htmlFor="composer" className="sr-only">
        Message
      </label>
      <textarea
        ref={area}
        id="composer"
        rows={1}
        value={text}
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKeyDown}
        placeholder="Write a message"
        enterKeyHint="send"
        aria-describedby={text.length > COUNT_FROM ? "composer-count" : undefined}
        aria-invalid={isTooLong || undefined}
        className="block w-full resize-none bg-transparent px-5 pt-4 pb-1 text-base leading-6 placeholder:text-ink-faint focus:outline-none"
      />
      <div className="flex items-center gap-1 px-2.5 pb-2.5">
        <div className="flex min-w-0 grow items-center gap-1">{props.tools}</div>
        {text.length > COUNT_FROM && (
          <span
            id="composer-count"
            className={cx("px-2 text-xs tabular-nums", isTooLong ? "text-danger-ink" : "text-ink-soft")}
          >
            {text.length} of {MESSAGE_CHARS_MAX} characters
          </span>
        )}
        {isAnswering ? (
          <IconButton
            label="Stop the answer (Esc)"
            icon={isStopping ? <Spinner /> : <StopIcon />}
            onClick={onStop}
            disabled={isStopping}
            look="round"
            className="bg-ink text-canvas hover:bg-ink-soft"
          />
        ) : (
          <IconButton
            label="Send"
            type="submit"
            icon={<ArrowUpIcon />}
            disabled={!canSend}
            look="round"
            className="bg-accent text-white hover:bg-accent-hover"
          />
        )}
      </div>
    </form>
  );
}
