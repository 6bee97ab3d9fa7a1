import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import type { Session } from "@/api/model";
import { useTurn } from "@/features/chat/live";
import { isOver } from "@/features/chat/turn";
import type { SessionFilter } from "@/features/sessions/api";
import { groupsOf } from "@/features/sessions/groups";
import { sessionsQuery } from "@/features/sessions/queries";
import { SessionMenu } from "@/features/sessions/session-menu";
import { sessionTitle } from "@/features/sessions/title";
import { Button } from "@/ui/button";
import { Failure, LoadingLines } from "@/ui/states";

export interface SessionListProps {
  readonly filter: SessionFilter;
}

/** The conversations, pinned ones first, then by the day of their last change. */
export function SessionList({ filter }: SessionListProps) {
  const list = useInfiniteQuery(sessionsQuery(filter));
  const groups = useMemo(
    () => groupsOf(list.data?.pages.flatMap((page) => page.sessions) ?? []),
    [list.data],
  );
  if (list.isPending) {
    return (
      <div className="px-3 py-4">
        <LoadingLines label="Loading your conversations" lines={5} />
      </div>
    );
  }
  if (list.isError) {
    return (
      <div className="p-2">
        <Failure error={list.error} onRetry={() => list.refetch()} isCompact />
      </div>
    );
  }
  if (groups.length === 0) {
    return <p className="px-3 py-6 text-sm text-ink-soft">{emptyText(filter)}</p>;
  }
  return (
    <div className="space-y-5">
      {groups.map(({ name, sessions }) => (
        <section key={name} aria-label={name}>
          <h2 className="px-3 pb-1 text-xs font-medium text-ink-faint">{name}</h2>
          <ul>
            {sessions.map((session) => (
              <Row key={session.id} session={session} />
            ))}
          </ul>
        </section>
      ))}
      {list.hasNextPage && (
        <Button
          isSmall
          look="quiet"
          isBusy={list.isFetchingNextPage}
          onClick={() => list.fetchNextPage()}
          className="w-full"
        >
          Show more
        </Button>
      )}
    </div>
  );
}

function emptyText(filter: SessionFilter): string {
  if (filter.query) {
    return "No conversation matches.";
  }
  return filter.isArchived
    ? "Nothing is archived."
    : "Your conversations will be listed here.";
}

function Row({ session }: { session: Session }) {
  const turn = useTurn(session.id);
  const isAnswering = turn ? !isOver(turn) : session.active_stream !== null;
  return (
    <li className="group/row relative">
      <Link
        to="/c/$sessionId"
        params={{ sessionId: session.id }}
        className="flex items-center gap-2 rounded-lg py-2 pr-10 pl-3 text-sm text-ink-soft hover:bg-hover hover:text-ink"
        activeProps={{ className: "bg-hover font-medium !text-ink", "aria-current": "page" }}
      >
        <span className="truncate">{sessionTitle(session)}</span>
        {isAnswering && (
          <span className="size-2 shrink-0 rounded-full bg-accent-ink animate-blink">
            <span className="sr-only">answer under way</span>
          </span>
        )}
      </Link>
      <div className="absolute top-0.5 right-0.5">
        <SessionMenu session={session} />
      </div>
    </li>
  );
}
