import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

import { cx } from "@/ui/classes";

export interface MenuItem {
  readonly label: string;
  readonly icon?: ReactNode;
  readonly isDangerous?: boolean;
  readonly isChecked?: boolean;
  readonly onSelect: () => void;
}

export interface MenuProps {
  /** The name of the button that opens the menu. */
  readonly label: string;
  readonly button: ReactNode;
  readonly buttonClassName: string;
  readonly items: readonly MenuItem[];
  readonly side?: "below" | "above";
  readonly align?: "start" | "end";
  readonly isLabelShown?: boolean;
}

/** A button with a menu: arrows, Home, End and first letters move, Escape and Tab close. */
export function Menu(props: MenuProps) {
  const [isOpen, setIsOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!isOpen) {
      return;
    }
    function closeFromOutside(event: PointerEvent) {
      if (!place.current?.contains(event.target as Node)) {
        setIsOpen(false);
      }
    }
    document.addEventListener("pointerdown", closeFromOutside);
    return () => document.removeEventListener("pointerdown", closeFromOutside);
  }, [isOpen]);

  function close() {
    setIsOpen(false);
    button.current?.focus();
  }

  return (
    <div ref={place} className="relative">
      <button
        ref={button}
        type="button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={props.isLabelShown ? undefined : props.label}
        title={props.isLabelShown ? undefined : props.label}
        onClick={() => setIsOpen(!isOpen)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            setIsOpen(true);
          }
        }}
        className={props.buttonClassName}
      >
        {props.button}
      </button>
      {isOpen && <MenuList id={id} {...props} onClose={close} onLeave={() => setIsOpen(false)} />}
    </div>
  );
}

interface MenuListProps extends MenuProps {
  readonly id: string;
  readonly onClose: () => void;
  readonly onLeave: () => void;
}

function MenuList({ id, label, items, side, align, onClose, onLeave }: MenuListProps) {
  const list = useRef<HTMLDivElement>(null);
  const [isFlipped, setIsFlipped] = useState(side === "above");

  useLayoutEffect(() => {
    const box = list.current?.getBoundingClientRect();
    if (box && box.bottom > window.innerHeight - 8 && box.top > box.height) {
      setIsFlipped(true);
    }
    itemsOf(list.current)[0]?.focus();
  }, []);

  function onKeyDown(event: KeyboardEvent) {
    const all = itemsOf(list.current);
    const target = nextItem(all, event.key);
    if (target) {
      event.preventDefault();
      target.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      onClose();
    } else if (event.key === "Tab") {
      onLeave();
    }
  }

  return (
    <div
      ref={list}
      id={id}
      role="menu"
      aria-label={label}
      onKeyDown={onKeyDown}
      className={cx(
        "absolute z-30 min-w-48 rounded-xl bg-raised p-1.5 shadow-float ring-1 ring-line animate-rise",
        isFlipped ? "bottom-full mb-1.5" : "top-full mt-1.5",
        align === "end" ? "right-0" : "left-0",
      )}
    >
      {items.map((item) => (
        <button
          key={item.label}
          type="button"
          role={item.isChecked === undefined ? "menuitem" : "menuitemradio"}
          aria-checked={item.isChecked}
          tabIndex={-1}
          onClick={() => {
            onClose();
            item.onSelect();
          }}
          className={cx(
            "flex w-full items-center gap-2.5 rounded-lg px-2.5 py-2 text-left text-sm whitespace-nowrap",
            "hover:bg-hover focus:bg-hover focus:outline-none focus-visible:outline-2 focus-visible:-outline-offset-2",
            item.isDangerous ? "text-danger-ink" : "text-ink",
          )}
        >
          {item.icon}
          <span className="grow">{item.label}</span>
          {item.isChecked && <span className="size-1.5 rounded-full bg-accent-ink" />}
        </button>
      ))}
    </div>
  );
}

function itemsOf(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? [])];
}

function nextItem(all: readonly HTMLElement[], key: string): HTMLElement | undefined {
  const here = all.indexOf(document.activeElement as HTMLElement);
  if (key === "ArrowDown") {
    return all[(here + 1) % all.length];
  }
  if (key === "ArrowUp") {
    return all[(here - 1 + all.length) % all.length];
  }
  if (key === "Home") {
    return all[0];
  }
  if (key === "End") {
    return all.at(-1);
  }
  if (key.length === 1 && key !== " ") {
    const after = [...all.slice(here + 1), ...all.slice(0, here + 1)];
    return after.find((item) => item.textContent?.trim().toLowerCase().startsWith(key.toLowerCase()));
  }
  return undefined;
}
