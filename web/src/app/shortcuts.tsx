import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

/** The keys that work everywhere. */
export function Shortcuts({ onSearch }: { onSearch: () => void }) {
  const navigate = useNavigate();
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      const isCommand = event.metaKey || event.ctrlKey;
      if (isCommand && !event.shiftKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        onSearch();
      } else if (isCommand && event.shiftKey && event.key.toLowerCase() === "o") {
        event.preventDefault();
        void navigate({ to: "/" });
      }
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [navigate, onSearch]);
  return null;
}

/** How the command key is called here. */
export const COMMAND_KEY = /mac|iphone|ipad/i.test(navigator.userAgent) ? "⌘" : "Ctrl";
