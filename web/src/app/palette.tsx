import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactNode, useDeferredValue, useState } from "react";

import { signOut } from "@/features/auth/api";
import { sessionsQuery } from "@/features/sessions/queries";
import { sessionTitle } from "@/features/sessions/title";
import { cx } from "@/ui/classes";
import { Dialog } from "@/ui/dialog";
import {
  GaugeIcon,
  GearIcon,
  KeyIcon,
  MoonIcon,
  PencilIcon,
  SearchIcon,
  SignOutIcon,
  SunIcon,
} from "@/ui/icons";
import { setTheme } from "@/ui/theme";

interface Choice {
  readonly id: string;
  readonly label: string;
  readonly icon: ReactNode;
  readonly run: () => void;
}

const FOUND_MAX = 8;

/** One field for everything: conversations by what was said, and the commands of the app. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const settled = useDeferredValue(query.trim());
  const commands = useCommands();
  const found = useInfiniteQuery(sessionsQuery({ query: settled, isArchived: false }));
  const navigate = useNavigate();

  const words = query.trim().toLowerCase();
  const choices: Choice[] = [
    ...commands.filter((command) => command.label.toLowerCase().includes(words)),
    ...(found.data?.pages[0]?.sessions ?? []).slice(0, FOUND_MAX).map((session) => ({
      id: session.id,
      label: sessionTitle(session),
      icon: <SearchIcon className="size-4" />,
      run: () => void navigate({ to: "/c/$sessionId", params: { sessionId: session.id } }),
    })),
  ];
  const here = Math.min(active, Math.max(0, choices.length - 1));

  function choose(choice: Choice | undefined) {
    if (choice) {
      onClose();
      choice.run();
    }
  }

  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && choices.length > 0) {
      event.preventDefault();
      setActive((here + step + choices.length) % choices.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(choices[here]);
    }
  }

  return (
    <Dialog title="Search and commands" look="top" isTitleHidden onClose={onClose}>
      <div className="flex items-center gap-3 border-b border-line px-5">
        <SearchIcon className="text-ink-faint" />
        <input
          role="combobox"
          aria-label="Search conversations and commands"
          aria-expanded="true"
          aria-controls="palette-choices"
          aria-activedescendant={choices[here] ? `palette-${choices[here].id}` : undefined}
          autoFocus
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
          placeholder="Search or do …"
          className="h-14 grow bg-transparent text-base placeholder:text-ink-faint focus:outline-none"
        />
      </div>
      <ul
        id="palette-choices"
        role="listbox"
        aria-label="Results"
        className="max-h-[50vh] overflow-y-auto p-2"
      >
        {choices.map((choice, index) => (
          <li
            key={choice.id}
            id={`palette-${choice.id}`}
            role="option"
            aria-selected={index === here}
            ref={index === here ? (item) => item?.scrollIntoView({ block: "nearest" }) : null}
            onClick={() => choose(choice)}
            onPointerMove={() => setActive(index)}
            className={cx(
              "flex items-center gap-3 rounded-lg px-3 py-2.5 text-sm",
              index === here ? "bg-hover text-ink" : "text-ink-soft",
            )}
          >
            {choice.icon}
            <span className="truncate">{choice.label}</span>
          </li>
        ))}
      </ul>
      {choices.length === 0 && (
        <p role="status" className="px-6 pb-6 text-sm text-ink-soft">
          {found.isFetching ? "Searching …" : "Nothing found."}
        </p>
      )}
    </Dialog>
  );
}

function useCommands(): Choice[] {
  const navigate = useNavigate();
  const icon = "size-4";
  return [
    {
      id: "new",
      label: "New conversation",
      icon: <PencilIcon className={icon} />,
      run: () => void navigate({ to: "/" }),
    },
    {
      id: "usage",
      label: "Usage",
      icon: <GaugeIcon className={icon} />,
      run: () => void navigate({ to: "/usage" }),
    },
    {
      id: "keys",
      label: "API keys",
      icon: <KeyIcon className={icon} />,
      run: () => void navigate({ to: "/keys" }),
    },
    {
      id: "settings",
      label: "Settings",
      icon: <GearIcon className={icon} />,
      run: () => void navigate({ to: "/settings" }),
    },
    {
      id: "light",
      label: "Light theme",
      icon: <SunIcon className={icon} />,
      run: () => setTheme("light"),
    },
    {
      id: "dark",
      label: "Dark theme",
      icon: <MoonIcon className={icon} />,
      run: () => setTheme("dark"),
    },
    {
      id: "sign-out",
      label: "Sign out",
      icon: <SignOutIcon className={icon} />,
      run: () => void signOut().catch(() => undefined),
    },
  ];
}
