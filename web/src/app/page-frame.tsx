import { Outlet } from "@tanstack/react-router";

import { DrawerButton } from "@/app/top-bar";

/** Around the pages that are no conversation: on a phone, a bar with the way back to the list. */
export function PageFrame() {
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex h-14 shrink-0 items-center px-3 md:hidden">
        <DrawerButton />
      </div>
      <div className="min-h-0 grow">
        <Outlet />
      </div>
    </div>
  );
}
