import { useSyncExternalStore } from "react";

import { IconButton } from "@/ui/button";
import { cx } from "@/ui/classes";
import { CheckIcon, CloseIcon, WarningIcon } from "@/ui/icons";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "good" | "bad";
}

const SHOWN_MS = 6_000;
const SHOWN_MAX = 3;

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) {
    listener();
  }
}

/** Shows a short message for some seconds, and reads it out. */
export function say(text: string, kind: Toast["kind"] = "good"): void {
  lastId += 1;
  const toast = { id: lastId, text, kind };
  change([...toasts, toast].slice(-SHOWN_MAX));
  window.setTimeout(() => dismiss(toast.id), SHOWN_MS);
}

function dismiss(id: number): void {
  change(toasts.filter((toast) => toast.id !== id));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Where toasts appear; stands once in the page, from the start, so that they are read out. */
export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-0 bottom-4 z-50 flex flex-col items-center gap-2 px-4"
    >
      {shown.map((toast) => (
        <div
          key={toast.id}
          className="pointer-events-auto flex max-w-md items-center gap-3 rounded-xl bg-raised py-2 pr-2 pl-4 text-sm shadow-float ring-1 ring-line animate-rise"
        >
          <span className={cx(toast.kind === "good" ? "text-good-ink" : "text-danger-ink")}>
            {toast.kind === "good" ? <CheckIcon /> : <WarningIcon />}
          </span>
          <span className="grow">{toast.text}</span>
          <IconButton label="Dismiss" icon={<CloseIcon />} isSmall onClick={() => dismiss(toast.id)} />
        </div>
      ))}
    </div>
  );
}
