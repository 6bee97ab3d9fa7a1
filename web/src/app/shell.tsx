import { Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";

import { DrawerContext } from "@/app/drawer";
import { Offline } from "@/app/offline";
import { Palette } from "@/app/palette";
import { Shortcuts } from "@/app/shortcuts";
import { SideBar } from "@/app/side-bar";
import { useTurnEnds } from "@/app/turn-ends";
import { useAccountFromTokens } from "@/features/auth/queries";
import { Dialog } from "@/ui/dialog";

/** The frame of everything behind the sign-in: side bar, page, search. */
export function Shell() {
  const [isDrawerOpen, setIsDrawerOpen] = useState(false);
  const [isPaletteOpen, setIsPaletteOpen] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useAccountFromTokens();
  useTurnEnds();
  useEffect(() => setIsDrawerOpen(false), [path]);
  const drawer = useMemo(
    () => ({ open: () => setIsDrawerOpen(true), close: () => setIsDrawerOpen(false) }),
    [],
  );

  return (
    <DrawerContext value={drawer}>
      <a
        href="#main"
        className="sr-only z-50 rounded-lg bg-raised px-4 py-2 font-medium shadow-float focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the page
      </a>
      <div className="flex h-dvh">
        <aside className="hidden w-72 shrink-0 border-r border-line bg-surface md:block">
          <SideBar onSearch={() => setIsPaletteOpen(true)} />
        </aside>
        <main id="main" tabIndex={-1} className="flex min-w-0 grow flex-col focus:outline-none">
          <Offline />
          <div className="min-h-0 grow">
            <Outlet />
          </div>
        </main>
      </div>
      {isDrawerOpen && (
        <Dialog title="Conversations" look="drawer" isTitleHidden onClose={drawer.close}>
          <div className="h-dvh">
            <SideBar
              onSearch={() => {
                drawer.close();
                setIsPaletteOpen(true);
              }}
            />
          </div>
        </Dialog>
      )}
      {isPaletteOpen && <Palette onClose={() => setIsPaletteOpen(false)} />}
      <Shortcuts onSearch={() => setIsPaletteOpen(true)} />
    </DrawerContext>
  );
}
