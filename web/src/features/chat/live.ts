import { useSyncExternalStore } from "react";

import { access } from "@/api/client";
import { newKey } from "@/api/key";
import { follow, say, stop } from "@/features/chat/api";
import type { Turn } from "@/features/chat/turn";
import { Turns } from "@/features/chat/turns";

/** The turns of this tab. */
export const turns = new Turns({
  say,
  follow,
  stop,
  wait: waitOrOnline,
  newKey,
  tellEveryMs: 40,
});

access.subscribe(() => {
  if (access.standing === "signed-out") {
    turns.clearAll();
  }
});

export function useTurn(session: string): Turn | undefined {
  return useSyncExternalStore(turns.subscribe, () => turns.get(session));
}

/** Waits, but not longer than until the network is back. */
function waitOrOnline(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(finish, ms);
    window.addEventListener("online", finish);
    function finish() {
      window.clearTimeout(timer);
      window.removeEventListener("online", finish);
      resolve();
    }
  });
}
