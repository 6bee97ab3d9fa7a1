import { cx } from "@/ui/classes";

export interface MeterProps {
  readonly label: string;
  /** What the numbers mean, in words: "1,200 of 5,000 tokens". */
  readonly text: string;
  /** From 0 to 100, and above where more was used than the limit. */
  readonly percent: number;
  /** From here on the bar warns. */
  readonly warningPercent: number;
  readonly isThin?: boolean;
}

/** How much of a limit is used; the colour is never the only sign, the text says it too. */
export function Meter({ label, text, percent, warningPercent, isThin }: MeterProps) {
  const width = Math.min(100, Math.max(percent > 0 ? 1.5 : 0, percent));
  return (
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.min(100, Math.round(percent))}
      aria-valuetext={text}
      className={cx("w-full overflow-hidden rounded-full bg-sunken", isThin ? "h-1.5" : "h-2.5")}
    >
      <div
        className={cx(
          "h-full rounded-full transition-[width] duration-500",
          percent >= 100 ? "bg-danger" : percent >= warningPercent ? "bg-warn" : "bg-accent",
        )}
        style={{ width: `${width}%` }}
      />
    </div>
  );
}
