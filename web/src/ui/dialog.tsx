import { type ReactNode, useEffect, useId, useRef } from "react";

import { Button, IconButton } from "@/ui/button";
import { cx } from "@/ui/classes";
import { CloseIcon } from "@/ui/icons";

export interface DialogProps {
  readonly title: string;
  /** Called on Escape, on the close button and on a click beside the dialog. */
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly look?: "middle" | "top" | "drawer";
  /** Hides the title from the eye; it stays the dialog's name. */
  readonly isTitleHidden?: boolean;
}

const PLACES = {
  middle:
    "m-auto w-[min(30rem,calc(100vw-2rem))] rounded-2xl shadow-float ring-1 ring-line animate-rise",
  top: "mx-auto mt-[12vh] w-[min(36rem,calc(100vw-2rem))] rounded-2xl shadow-float ring-1 ring-line animate-rise",
  drawer: "m-0 h-dvh max-h-dvh w-[min(20rem,86vw)] shadow-float animate-slide",
};

/** A modal dialog: the browser keeps the focus inside and gives it back afterwards. */
export function Dialog({ title, onClose, children, look = "middle", isTitleHidden }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) {
        before.focus();
      }
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === event.currentTarget) {
          onClose();
        }
      }}
      className={cx(
        "max-h-[calc(100dvh-2rem)] overflow-hidden bg-raised p-0 text-ink backdrop:bg-[rgb(10_10_14/0.45)]",
        PLACES[look],
        look === "drawer" && "bg-surface",
      )}
    >
      <h2
        id={id}
        className={isTitleHidden ? "sr-only" : "px-6 pt-6 pr-14 text-lg font-semibold leading-snug"}
      >
        {title}
      </h2>
      {!isTitleHidden && (
        <IconButton
          label="Close"
          icon={<CloseIcon />}
          isSmall
          onClick={onClose}
          className="absolute top-4 right-4"
        />
      )}
      {children}
    </dialog>
  );
}

export function DialogBody({ children }: { children: ReactNode }) {
  return <div className="space-y-4 px-6 pt-3 pb-6">{children}</div>;
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="flex flex-wrap justify-end gap-2 pt-2">{children}</div>;
}

export interface ConfirmProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly action: string;
  readonly isBusy?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something that can't be undone. */
export function Confirm({ title, children, action, isBusy, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <DialogBody>
        <div className="text-ink-soft">{children}</div>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" isBusy={isBusy ?? false} onClick={onConfirm}>
            {action}
          </Button>
        </DialogActions>
      </DialogBody>
    </Dialog>
  );
}
