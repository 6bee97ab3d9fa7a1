import type { AccessMessage, AccessWorld } from "@/api/access";
import { readSetting, writeSetting } from "@/browser/setting";

const LOCK = "nova-refresh";
const CHANNEL = "nova-access";
const HINT = "nova-signed-in";

/** Paths of the two requests that go by cookie instead of by token. */
export const REFRESH_PATH = "/api/v1/auth/refresh";

/** The browser, as the access keeper sees it; `hear` gets what other tabs tell. */
export function browserWorld(hear: (message: AccessMessage) => void): AccessWorld {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;
  channel?.addEventListener("message", (event: MessageEvent<AccessMessage>) => hear(event.data));
  return {
    refresh: () =>
      fetch(REFRESH_PATH, {
        method: "POST",
        credentials: "same-origin",
        headers: { "content-type": "application/json" },
        body: "{}",
      }),
    nowMs: () => Date.now(),
    alone: async (work) =>
      // Locks exist in secure contexts only, whatever the type says.
      "locks" in navigator ? await navigator.locks.request(LOCK, work) : await work(),
    tell: (message) => channel?.postMessage(message),
    hint: { read: () => readSetting(HINT) === "yes", write: writeHint },
  };
}

function writeHint(isSignedIn: boolean): void {
  writeSetting(HINT, isSignedIn ? "yes" : null);
}
