import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

import { cx } from "@/ui/classes";
import { Spinner } from "@/ui/spinner";

type Look = "primary" | "secondary" | "quiet" | "danger";

const LOOKS: Record<Look, string> = {
  primary: "bg-accent text-white hover:bg-accent-hover",
  secondary: "bg-raised text-ink ring-1 ring-inset ring-line hover:bg-hover",
  quiet: "text-ink-soft hover:bg-hover hover:text-ink",
  danger: "bg-danger text-white hover:bg-danger-hover",
};

const SHAPE =
  "inline-flex shrink-0 select-none items-center justify-center gap-2 rounded-lg font-medium transition-colors " +
  "disabled:cursor-not-allowed disabled:opacity-55";

export function buttonClass(look: Look = "secondary", isSmall = false): string {
  return cx(SHAPE, LOOKS[look], isSmall ? "h-8 px-3 text-sm" : "h-10 px-4 text-[0.9375rem]");
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: Look;
  readonly isSmall?: boolean;
  /** Shows a spinner and takes no second click; the name stays for screen readers. */
  readonly isBusy?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button({
  look = "secondary",
  isSmall = false,
  isBusy = false,
  className,
  children,
  type = "button",
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type={type}
      aria-busy={isBusy || undefined}
      aria-disabled={isBusy || undefined}
      onClick={isBusy ? (event) => event.preventDefault() : onClick}
      className={cx(buttonClass(look, isSmall), className)}
      {...rest}
    >
      {isBusy && <Spinner />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** What it does: its name for screen readers and its tooltip. */
  readonly label: string;
  readonly icon: ReactNode;
  readonly isSmall?: boolean;
  /** `round` takes its colours from `className`. */
  readonly look?: "quiet" | "round";
  readonly ref?: Ref<HTMLButtonElement>;
}

export function IconButton({
  label,
  icon,
  isSmall = false,
  look = "quiet",
  className,
  ...rest
}: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={cx(
        "inline-flex shrink-0 items-center justify-center transition-colors",
        "disabled:cursor-not-allowed disabled:opacity-45 aria-pressed:text-accent-ink",
        look === "quiet" ? "rounded-lg text-ink-soft hover:bg-hover hover:text-ink" : "rounded-full",
        isSmall ? "size-8" : "size-10",
        className,
      )}
      {...rest}
    >
      {icon}
    </button>
  );
}
