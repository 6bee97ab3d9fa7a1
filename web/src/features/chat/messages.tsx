import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";

import type { Message, MessagePage, Rating } from "@/api/model";
import { problemOf } from "@/api/problem";
import { LiveAnswer } from "@/features/chat/live-answer";
import { type MessageActions, MessageItem, SaidText } from "@/features/chat/message";
import { useKeepPlace, useStickToEnd } from "@/features/chat/scrolling";
import { isOver, type Turn } from "@/features/chat/turn";
import { rate } from "@/features/sessions/api";
import { messagesQuery } from "@/features/sessions/queries";
import { Button, IconButton } from "@/ui/button";
import { ArrowDownIcon } from "@/ui/icons";
import { Failure, Skeleton } from "@/ui/states";
import { say } from "@/ui/toast";

export interface MessagesProps {
  readonly session: string;
  readonly messages: readonly Message[];
  readonly history: UseInfiniteQueryResult<InfiniteData<MessagePage>>;
  readonly turn: Turn | undefined;
  /** The position that a link led to. */
  readonly marked: number | null;
  readonly moves: Omit<MessageActions, "onRate">;
  readonly onRetry: () => void;
}

/** What was said, oldest first, with the answer that is under way at the end. */
export function Messages(props: MessagesProps) {
  const { session, messages, history, turn, marked } = props;
  const last = messages.at(-1)?.position ?? -1;
  const { place, content, isAway, toEnd } = useStickToEnd(turn?.question ?? null);
  useKeepPlace(place, messages[0]?.position ?? null);
  useMarked(marked, messages, history);
  const onRate = useRate(session);
  const actions = useMemo(() => ({ ...props.moves, onRate }), [props.moves, onRate]);
  const isBusy = turn !== undefined && !isOver(turn);

  return (
    <div className="relative min-h-0 grow">
      <div ref={place} className="h-full overflow-y-auto" tabIndex={-1}>
        <div ref={content} className="mx-auto max-w-[46rem] space-y-7 px-4 pt-6 pb-8 sm:px-6">
          <h2 className="sr-only">What was said</h2>
          {history.isPending && <MessagesSkeleton />}
          {history.isError && <Failure error={history.error} onRetry={() => history.refetch()} />}
          <EarlierMessages history={history} />
          {messages.map((message) => (
            <MessageItem
              key={message.position}
              message={message}
              actions={actions}
              isBusy={isBusy}
              isMarked={message.position === marked}
              isLast={message.position === last}
            />
          ))}
          {turn && <TurnParts turn={turn} last={last} onRetry={props.onRetry} />}
        </div>
      </div>
      {isAway && (
        <IconButton
          label="To the newest message"
          icon={<ArrowDownIcon />}
          onClick={toEnd}
          look="round"
          className="absolute bottom-3 left-1/2 -translate-x-1/2 bg-raised text-ink shadow-float ring-1 ring-line hover:bg-hover"
        />
      )}
    </div>
  );
}

interface TurnPartsProps {
  readonly turn: Turn;
  readonly last: number;
  readonly onRetry: () => void;
}

/** The parts of a turn that the fetched messages don't hold yet. */
function TurnParts({ turn, last, onRetry }: TurnPartsProps) {
  const isAsked = turn.questionPosition !== null && last >= turn.questionPosition;
  const isAnswered = turn.answerPosition !== null && last >= turn.answerPosition;
  const isRefused = turn.phase === "failed" && turn.questionPosition === null;
  return (
    <>
      {turn.question !== null && !isAsked && (
        <div className="space-y-1">
          <SaidText text={turn.question} isPale={turn.phase === "sending" || isRefused} />
          {isRefused && <p className="text-right text-xs text-ink-soft">Not sent</p>}
        </div>
      )}
      {!isAnswered && <LiveAnswer turn={turn} onRetry={onRetry} />}
    </>
  );
}

function EarlierMessages({ history }: Pick<MessagesProps, "history">) {
  const sentinel = useRef<HTMLDivElement>(null);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = history;
  const pages = history.data?.pages.length;
  useEffect(() => {
    // Anew for each page: one that leaves the top in view must be followed by the next.
    const element = sentinel.current;
    if (!element || !hasNextPage) {
      return;
    }
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        void fetchNextPage();
      }
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [hasNextPage, fetchNextPage, pages]);
  if (!hasNextPage) {
    return null;
  }
  return (
    <div ref={sentinel} className="text-center">
      <Button isSmall look="quiet" isBusy={isFetchingNextPage} onClick={() => fetchNextPage()}>
        Earlier messages
      </Button>
    </div>
  );
}

const LOOKS_MAX = 6;
const LOOK_EVERY_MS = 50;

/** Brings the message that a link names into view, fetching back to it where needed. */
function useMarked(
  marked: number | null,
  messages: readonly Message[],
  history: MessagesProps["history"],
): void {
  const isThere = marked !== null && messages.some((message) => message.position === marked);
  const first = messages[0]?.position ?? null;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = history;
  const isFurtherBack = marked !== null && first !== null && first > marked;
  useEffect(() => {
    if (isFurtherBack && hasNextPage && !isFetchingNextPage) {
      void fetchNextPage();
    }
  }, [isFurtherBack, hasNextPage, isFetchingNextPage, fetchNextPage]);
  useEffect(() => {
    if (!isThere) {
      return;
    }
    // What comes into view gets its true height, which moves the place: so it is looked for again.
    let left = LOOKS_MAX;
    const timer = window.setInterval(() => {
      document.getElementById(`message-${marked}`)?.scrollIntoView({ block: "center" });
      left -= 1;
      if (left === 0) {
        window.clearInterval(timer);
      }
    }, LOOK_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [marked, isThere]);
}

/** Rates an answer: shown at once, taken back where the server refuses. */
function useRate(session: string) {
  const client = useQueryClient();
  return useCallback(
    async (message: Message, rating: Rating | null) => {
      const key = messagesQuery(session).queryKey;
      const show = (feedback: Message["feedback"]) =>
        client.setQueryData(key, (data) => data && withFeedback(data, message.position, feedback));
      show(rating === null ? null : { rating, comment: "" });
      try {
        await rate(session, message, rating);
      } catch (error) {
        show(message.feedback ?? null);
        say(problemOf(error).message, "bad");
      }
    },
    [client, session],
  );
}

function withFeedback<P>(
  data: InfiniteData<MessagePage, P>,
  position: number,
  feedback: Message["feedback"],
): InfiniteData<MessagePage, P> {
  const pages = data.pages.map((page) => ({
    ...page,
    messages: page.messages.map((message) =>
      message.position === position ? { ...message, feedback } : message,
    ),
  }));
  return { ...data, pages };
}

function MessagesSkeleton() {
  return (
    <div role="status" aria-label="Loading the conversation" className="space-y-8">
      <Skeleton className="ml-auto h-12 w-2/3 rounded-3xl" />
      <div className="space-y-3">
        <Skeleton className="h-5" />
        <Skeleton className="h-5 w-11/12" />
        <Skeleton className="h-5 w-3/5" />
      </div>
      <Skeleton className="ml-auto h-12 w-1/2 rounded-3xl" />
    </div>
  );
}
