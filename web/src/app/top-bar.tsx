import type { ReactNode } from "react";

import { useDrawer } from "@/app/drawer";
import { IconButton } from "@/ui/button";
import { MenuIcon } from "@/ui/icons";

export interface TopBarProps {
  readonly title: string;
  readonly action?: ReactNode;
  /** Where the page has a heading of its own, the bar only repeats it. */
  readonly isHeading?: boolean;
}

/** The bar above a conversation; on a phone it also opens the list of conversations. */
export function TopBar({ title, action, isHeading = true }: TopBarProps) {
  const Title = isHeading ? "h1" : "p";
  return (
    <header className="flex h-14 shrink-0 items-center gap-2 px-3 sm:px-5">
      <DrawerButton />
      <Title className="min-w-0 grow truncate text-sm font-medium text-ink-soft">{title}</Title>
      {action}
    </header>
  );
}

export function DrawerButton() {
  const { open } = useDrawer();
  return (
    <IconButton label="Conversations" icon={<MenuIcon />} onClick={open} className="md:hidden" />
  );
}
