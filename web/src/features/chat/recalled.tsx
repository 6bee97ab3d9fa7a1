import { Link } from "@tanstack/react-router";
import { useState } from "react";

import type { Recalled } from "@/api/model";
import { cx } from "@/ui/classes";
import { ChevronIcon, MemoryIcon } from "@/ui/icons";

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
              <Link
                to="/c/$sessionId"
                params={{ sessionId: hit.session }}
                search={{ at: hit.position }}
                className="block rounded-xl bg-surface px-3.5 py-2.5 text-sm text-ink-soft ring-1 ring-line hover:text-ink hover:ring-line-strong"
              >
                <span className="line-clamp-3">{hit.text}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
