import { memo, useState } from "react";

import type { Message, Rating } from "@/api/model";
import { Markdown } from "@/features/chat/markdown";
import { RecalledChips } from "@/features/chat/recalled";
import { IconButton } from "@/ui/button";
import { cx } from "@/ui/classes";
import { useCopy } from "@/ui/copy";
import { dateTime } from "@/ui/format";
import {
  BranchIcon,
  CheckIcon,
  ChevronIcon,
  CopyIcon,
  PencilIcon,
  RewindIcon,
  ThumbDownIcon,
  ThumbUpIcon,
} from "@/ui/icons";

export interface MessageActions {
  readonly onRate: (message: Message, rating: Rating | null) => void;
  readonly onFork: (message: Message) => void;
  readonly onRewind: (message: Message) => void;
  readonly onEdit: (message: Message) => void;
}

export interface MessageItemProps {
  readonly message: Message;
  readonly actions: MessageActions;
  /** While an answer is under way nothing may be moved under it. */
  readonly isBusy: boolean;
  readonly isMarked: boolean;
  readonly isLast: boolean;
}

export const MessageItem = memo(function MessageItem(props: MessageItemProps) {
  const { message, isMarked, isLast } = props;
  if (message.role !== "user" && message.role !== "assistant") {
    return null;
  }
  return (
    <article
      id={`message-${message.position}`}
      aria-label={message.role === "user" ? "You" : "Answer"}
      className={cx(
        "group/message scroll-mt-24 rounded-2xl",
        // Its actions, mostly unseen, are distance enough to the answer.
        message.role === "user" && !isLast && "mb-2",
        // Long conversations stay quick: what is out of sight is not laid out.
        !isLast && "[contain-intrinsic-size:auto_10rem] [content-visibility:auto]",
        isMarked && "outline-2 outline-offset-4 outline-accent-ink",
      )}
    >
      {message.role === "user" ? <Said {...props} /> : <Answer {...props} />}
    </article>
  );
});

export function SaidText({ text, isPale }: { text: string; isPale?: boolean }) {
  return (
    <div
      className={cx(
        "ml-auto w-fit max-w-[85%] rounded-3xl rounded-br-lg bg-sunken px-4.5 py-2.5 text-base leading-7 break-words whitespace-pre-wrap",
        isPale && "opacity-70",
      )}
    >
      {text}
    </div>
  );
}

const ACTIONS = "flex items-center gap-0.5";
/** They show when the message is pointed at, or something in it has the focus. */
const ON_DEMAND =
  "opacity-0 transition-opacity group-focus-within/message:opacity-100 " +
  "group-hover/message:opacity-100 pointer-coarse:opacity-100";

function Said({ message, actions, isBusy }: MessageItemProps) {
  return (
    <div className="space-y-1">
      <SaidText text={message.text} />
      <div className={cx(ACTIONS, ON_DEMAND, "justify-end")}>
        <Time atUs={message.said_at_us} />
        <CopyButton text={message.text} />
        <IconButton
          label="Edit from here"
          icon={<PencilIcon className="size-4" />}
          isSmall
          disabled={isBusy}
          onClick={() => actions.onEdit(message)}
        />
      </div>
    </div>
  );
}

function Answer({ message, actions, isBusy, isLast }: MessageItemProps) {
  const rating = message.feedback?.rating ?? null;
  return (
    <div className="space-y-2">
      <RecalledChips hits={message.recalled} />
      {message.thinking && <Thinking text={message.thinking} />}
      <Markdown text={message.text} />
      {message.is_partial && <p className="text-sm text-ink-faint">This answer was broken off.</p>}
      <div className={cx(ACTIONS, !isLast && ON_DEMAND, "-ml-2")}>
        <CopyButton text={message.text} />
        <RateButton
          label="Good answer"
          isOn={rating === "up"}
          icon={<ThumbUpIcon className="size-4" />}
          onClick={() => actions.onRate(message, rating === "up" ? null : "up")}
        />
        <RateButton
          label="Bad answer"
          isOn={rating === "down"}
          icon={<ThumbDownIcon className="size-4" />}
          onClick={() => actions.onRate(message, rating === "down" ? null : "down")}
        />
        <IconButton
          label="Fork from here"
          icon={<BranchIcon className="size-4" />}
          isSmall
          disabled={isBusy}
          onClick={() => actions.onFork(message)}
        />
        <IconButton
          label="Rewind to here"
          icon={<RewindIcon className="size-4" />}
          isSmall
          disabled={isBusy}
          onClick={() => actions.onRewind(message)}
        />
        <Time atUs={message.said_at_us} />
      </div>
    </div>
  );
}

interface RateButtonProps {
  readonly label: string;
  readonly isOn: boolean;
  readonly icon: React.ReactNode;
  readonly onClick: () => void;
}

function RateButton({ label, isOn, icon, onClick }: RateButtonProps) {
  return (
    <IconButton
      label={label}
      icon={icon}
      isSmall
      aria-pressed={isOn}
      onClick={onClick}
      className={isOn ? "bg-accent-soft" : ""}
    />
  );
}

function CopyButton({ text }: { text: string }) {
  const { isCopied, copy } = useCopy();
  return (
    <IconButton
      label={isCopied ? "Copied" : "Copy"}
      icon={isCopied ? <CheckIcon className="size-4" /> : <CopyIcon className="size-4" />}
      isSmall
      onClick={() => copy(text)}
    />
  );
}

function Time({ atUs }: { atUs: number }) {
  return <span className="px-2 text-xs text-ink-faint">{dateTime(atUs)}</span>;
}

/** What the model thought before it answered: there for who wants to see it. */
export function Thinking({ text, isUnderWay }: { text: string; isUnderWay?: boolean }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <div className="mb-3">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
        className="inline-flex items-center gap-1.5 rounded-lg text-sm text-ink-soft hover:text-ink"
      >
        <ChevronIcon className={cx("size-4 transition-transform", !isOpen && "-rotate-90")} />
        {isUnderWay ? "Thinking …" : "Thoughts"}
      </button>
      {isOpen && (
        <div className="mt-2 border-l-2 border-line pl-4 text-sm whitespace-pre-wrap text-ink-soft">
          {text}
        </div>
      )}
    </div>
  );
}
