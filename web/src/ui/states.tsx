import type { ReactNode } from "react";

import { problemOf } from "@/api/problem";
import { Button } from "@/ui/button";
import { cx } from "@/ui/classes";
import { WarningIcon, WifiOffIcon } from "@/ui/icons";

/** What stands where content will be. */
export function Skeleton({ className }: { className?: string }) {
  return <div className={cx("rounded-lg bg-sunken animate-shimmer", className)} />;
}

export function LoadingLines({ label, lines = 3 }: { label: string; lines?: number }) {
  return (
    <div role="status" aria-label={label} className="space-y-3">
      {Array.from({ length: lines }, (_, index) => (
        <Skeleton key={index} className={index % 3 === 2 ? "h-5 w-2/3" : "h-5"} />
      ))}
    </div>
  );
}

export interface EmptyProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div className="flex flex-col items-center gap-3 px-6 py-12 text-center">
      {icon && <div className="text-ink-faint">{icon}</div>}
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-sm text-sm text-ink-soft">{children}</div>}
      {action}
    </div>
  );
}

export interface FailureProps {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
  readonly isCompact?: boolean;
}

/** An error in plain words: what happened, what to do, and what to tell the administrator. */
export function Failure({ error, onRetry, isCompact }: FailureProps) {
  const problem = problemOf(error);
  return (
    <div
      role="alert"
      className={cx(
        "flex gap-3 rounded-xl bg-danger-soft text-sm",
        isCompact ? "px-3.5 py-3" : "px-4 py-4",
      )}
    >
      <span className="pt-0.5 text-danger-ink">
        {problem.isOffline ? <WifiOffIcon /> : <WarningIcon />}
      </span>
      <div className="min-w-0 grow space-y-1">
        <p className="font-medium text-danger-ink">{problem.message}</p>
        {problem.hint && <p className="text-ink-soft">{problem.hint}</p>}
        {problem.correlationId && problem.status >= 500 && (
          <p className="text-ink-soft">
            If it happens again, tell your administrator this number:{" "}
            <code className="font-mono text-xs break-all">{problem.correlationId}</code>
          </p>
        )}
        {onRetry && (
          <Button isSmall onClick={onRetry} className="mt-2">
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}

export interface NoteProps {
  readonly kind: "info" | "warn" | "good";
  readonly icon?: ReactNode;
  readonly children: ReactNode;
}

const NOTE_LOOKS = {
  info: "bg-accent-soft text-ink",
  warn: "bg-warn-soft text-warn-ink",
  good: "bg-good-soft text-good-ink",
};

export function Note({ kind, icon, children }: NoteProps) {
  return (
    <div className={cx("flex gap-3 rounded-xl px-4 py-3 text-sm", NOTE_LOOKS[kind])}>
      {icon && <span className="pt-0.5">{icon}</span>}
      <div className="min-w-0 grow">{children}</div>
    </div>
  );
}
