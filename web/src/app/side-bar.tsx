import { Link, useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";

import { COMMAND_KEY } from "@/app/shortcuts";
import { signOut } from "@/features/auth/api";
import { useAccount } from "@/features/auth/queries";
import { SessionList } from "@/features/sessions/session-list";
import { MiniUsage } from "@/features/usage/mini";
import { buttonClass } from "@/ui/button";
import {
  ArchiveIcon,
  ChevronIcon,
  GaugeIcon,
  GearIcon,
  KeyIcon,
  Logo,
  MonitorIcon,
  MoonIcon,
  PencilIcon,
  SearchIcon,
  SignOutIcon,
  SunIcon,
} from "@/ui/icons";
import { Menu, type MenuItem } from "@/ui/menu";
import { setTheme, useTheme } from "@/ui/theme";

/** The conversations, and the way to everything else. */
export function SideBar({ onSearch }: { onSearch: () => void }) {
  const [query, setQuery] = useState("");
  const settled = useDeferredValue(query.trim());
  return (
    <div className="flex h-full flex-col">
      <div className="flex h-14 shrink-0 items-center gap-2.5 px-4">
        <Logo className="size-7" />
        <Link to="/" className="grow font-semibold tracking-[-0.01em]">
          NovaCore
        </Link>
        <button
          type="button"
          onClick={onSearch}
          className="rounded-md px-1.5 py-1 font-mono text-xs text-ink-faint ring-1 ring-inset ring-line hover:bg-hover hover:text-ink pointer-coarse:hidden"
          title="Search and commands"
        >
          <span className="sr-only">Search and commands, </span>
          {COMMAND_KEY} K
        </button>
      </div>
      <div className="space-y-2 px-3 pb-3">
        <Link to="/" className={`${buttonClass("primary")} w-full`}>
          <PencilIcon className="size-4" />
          New conversation
        </Link>
        <label className="relative block">
          <span className="sr-only">Search your conversations</span>
          <SearchIcon className="absolute top-2.5 left-3 size-4 text-ink-faint" />
          <input
            type="search"
            value={query}
            onChange={(event) => setQuery(event.target.value)}
            placeholder="Search"
            className="h-9 w-full rounded-lg bg-transparent pr-3 pl-9 text-sm ring-1 ring-inset ring-line-strong/60 placeholder:text-ink-faint hover:ring-line-strong"
          />
        </label>
      </div>
      <nav aria-label="Conversations" className="min-h-0 grow overflow-y-auto px-2 pt-1.5 pb-4">
        <SessionList filter={{ query: settled, isArchived: false }} />
      </nav>
      <div className="space-y-1 border-t border-line p-2">
        <MiniUsage />
        <AccountMenu />
      </div>
    </div>
  );
}

function AccountMenu() {
  const account = useAccount();
  const navigate = useNavigate();
  const theme = useTheme();
  const icon = "size-4 text-ink-soft";
  const name = account?.name?.trim() || account?.email || "Account";
  const themes: MenuItem[] = [
    {
      label: "Like the device",
      icon: <MonitorIcon className={icon} />,
      isChecked: theme === "system",
      onSelect: () => setTheme("system"),
    },
    {
      label: "Light",
      icon: <SunIcon className={icon} />,
      isChecked: theme === "light",
      onSelect: () => setTheme("light"),
    },
    {
      label: "Dark",
      icon: <MoonIcon className={icon} />,
      isChecked: theme === "dark",
      onSelect: () => setTheme("dark"),
    },
  ];
  const items: MenuItem[] = [
    {
      label: "Settings",
      icon: <GearIcon className={icon} />,
      onSelect: () => void navigate({ to: "/settings" }),
    },
    {
      label: "Usage",
      icon: <GaugeIcon className={icon} />,
      onSelect: () => void navigate({ to: "/usage" }),
    },
    {
      label: "API keys",
      icon: <KeyIcon className={icon} />,
      onSelect: () => void navigate({ to: "/keys" }),
    },
    {
      label: "Archive",
      icon: <ArchiveIcon className={icon} />,
      onSelect: () => void navigate({ to: "/archive" }),
    },
    ...themes,
    {
      label: "Sign out",
      icon: <SignOutIcon className={icon} />,
      onSelect: () => void signOut().catch(() => undefined),
    },
  ];
  return (
    <Menu
      label="Account"
      side="above"
      isLabelShown
      items={items}
      button={
        <>
          <span
            aria-hidden="true"
            className="inline-flex size-7 shrink-0 items-center justify-center rounded-full bg-accent-soft text-xs font-semibold text-accent-ink uppercase"
          >
            {name.slice(0, 1)}
          </span>
          <span className="min-w-0 grow truncate text-left text-sm">
            <span className="sr-only">Account of </span>
            {name}
          </span>
          <ChevronIcon className="size-4 rotate-180 text-ink-faint" />
        </>
      }
      buttonClassName="flex w-full items-center gap-2.5 rounded-xl px-2.5 py-2 hover:bg-hover"
    />
  );
}
