import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import type { Recalled } from "@/api/model";
import { problemOf } from "@/api/problem";
import { messageQuery } from "@/features/sessions/queries";
import { cx } from "@/ui/classes";
import { ChevronIcon, MemoryIcon } from "@/ui/icons";
import { Skeleton } from "@/ui/states";

/** What the answer was given to remember: each leads to the place where it was said. */
export function RecalledChips({ hits }: { hits: readonly Recalled[] }) {
  const [isOpen, setIsOpen] = useState(false);
  if (hits.length === 0) {
    return null;
  }
  return (
    <div className="mb-3">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
        className="inline-flex items-center gap-1.5 rounded-full bg-accent-soft py-1 pr-2 pl-2.5 text-xs font-medium text-accent-ink hover:ring-1 hover:ring-accent-ink"
      >
        <MemoryIcon className="size-3.5" />
        Remembered {hits.length === 1 ? "one thing" : `${hits.length} things`}
        <ChevronIcon className={cx("size-3.5 transition-transform", isOpen && "rotate-180")} />
      </button>
      {isOpen && (
        <ul className="mt-2 space-y-1.5 animate-rise">
          {hits.map((hit, index) => (
            <li key={index}>
              {hit.text === undefined ? <Asked hit={hit} /> : <Told hit={hit} text={hit.text} />}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const CARD = "block rounded-xl bg-surface px-3.5 py-2.5 text-sm text-ink-soft ring-1 ring-line";

function Told({ hit, text }: { hit: Recalled; text: string }) {
  return (
    <Link
      to="/c/$sessionId"
      params={{ sessionId: hit.session }}
      search={{ at: hit.position }}
      className={cx(CARD, "hover:text-ink hover:ring-line-strong")}
    >
      <span className="line-clamp-3">{text}</span>
    </Link>
  );
}

/** Only its place was kept, so that what is deleted there is gone here, too. */
function Asked({ hit }: { hit: Recalled }) {
  const { data, isPending, error } = useQuery(messageQuery(hit.session, hit.position));
  if (isPending) {
    return <Skeleton className="h-10 rounded-xl" />;
  }
  if (error) {
    return <p className={CARD}>{problemOf(error).message}</p>;
  }
  return data ? <Told hit={hit} text={data.text} /> : <p className={CARD}>It was deleted since.</p>;
}
