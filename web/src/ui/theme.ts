import { useSyncExternalStore } from "react";

import { writeSetting } from "@/browser/setting";

export type Theme = "system" | "light" | "dark";

const SETTING = "nova-theme";
const listeners = new Set<() => void>();

function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

/** Chooses a theme for this browser; `system` follows the device. */
export function setTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    writeSetting(SETTING, null);
  } else {
    document.documentElement.dataset.theme = theme;
    writeSetting(SETTING, theme);
  }
  for (const listener of listeners) {
    listener();
  }
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentTheme);
}
