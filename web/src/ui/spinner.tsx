import { cx } from "@/ui/classes";

/** Says to the eye that something is under way; the words around it say it to the ear. */
export function Spinner({ className = "size-4" }: { className?: string }) {
  return (
    <span
      aria-hidden="true"
      className={cx(
        "inline-block animate-turn rounded-full border-2 border-current border-r-transparent",
        className,
      )}
    />
  );
}
