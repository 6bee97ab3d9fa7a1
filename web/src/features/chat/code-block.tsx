import { useCopy } from "@/ui/copy";
import { CheckIcon, CopyIcon } from "@/ui/icons";

export interface CodeBlockProps {
  readonly language: string;
  readonly code: string;
}

/** Code as it was written, with its language and a button that copies it. */
export function CodeBlock({ language, code }: CodeBlockProps) {
  const { isCopied, copy } = useCopy();
  const name = language.split(/[\s,{]/)[0] ?? "";
  return (
    <div className="overflow-hidden rounded-xl bg-surface ring-1 ring-line">
      <div className="flex items-center justify-between border-b border-line py-1 pr-1 pl-4 text-xs text-ink-soft">
        <span className="font-mono">{name || "text"}</span>
        <button
          type="button"
          onClick={() => copy(code)}
          className="inline-flex items-center gap-1.5 rounded-lg px-2.5 py-1.5 hover:bg-hover hover:text-ink"
        >
          {isCopied ? <CheckIcon className="size-4" /> : <CopyIcon className="size-4" />}
          {isCopied ? "Copied" : "Copy"}
        </button>
      </div>
      <pre
        className="overflow-x-auto px-4 py-3.5 font-mono text-[0.8125rem] leading-6"
        tabIndex={0}
        role="region"
        aria-label={name ? `Code in ${name}` : "Code"}
      >
        <code>{code}</code>
      </pre>
    </div>
  );
}
