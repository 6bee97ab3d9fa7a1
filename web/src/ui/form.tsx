import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useRef } from "react";

import { problemOf } from "@/api/problem";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/states";

export interface FormProps<Result> {
  /** The text of the button that sends. */
  readonly action: string;
  /** Sends what was filled in; what it throws is shown above the button. */
  readonly onSend: (values: FormData) => Promise<Result>;
  readonly onDone?: (result: Result) => void;
  readonly children?: ReactNode;
  readonly isWide?: boolean;
  readonly isDangerous?: boolean;
}

/** A form with one action: keeps what was typed where sending fails, and says why. */
export function Form<Result>({
  action,
  onSend,
  onDone,
  children,
  isWide = true,
  isDangerous,
}: FormProps<Result>) {
  const form = useRef<HTMLFormElement>(null);
  const sending = useMutation({
    mutationFn: onSend,
    onSuccess: (result) => onDone?.(result),
    onError: () => form.current?.querySelector<HTMLInputElement>("input:not([type=hidden])")?.focus(),
  });

  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (!sending.isPending) {
      sending.mutate(new FormData(event.currentTarget));
    }
  }

  return (
    <form ref={form} onSubmit={send} className="space-y-4">
      {children}
      {sending.isError && <Failure error={problemOf(sending.error)} isCompact />}
      <Button
        type="submit"
        look={isDangerous ? "danger" : "primary"}
        isBusy={sending.isPending}
        className={isWide ? "w-full" : ""}
      >
        {action}
      </Button>
    </form>
  );
}

/** The text of one field. */
export function textIn(values: FormData, name: string): string {
  const value = values.get(name);
  return typeof value === "string" ? value : "";
}
