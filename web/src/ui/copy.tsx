import { useEffect, useState } from "react";

import { say } from "@/ui/toast";

const SHOWN_MS = 2_000;

/** Copies text; `isCopied` is true for a moment afterwards. */
export function useCopy(): { isCopied: boolean; copy: (text: string) => void } {
  const [isCopied, setIsCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) {
      return;
    }
    const timer = window.setTimeout(() => setIsCopied(false), SHOWN_MS);
    return () => window.clearTimeout(timer);
  }, [isCopied]);

  function copy(text: string) {
    writeText(text).then(
      () => setIsCopied(true),
      () => say("Your browser does not allow copying: select the text and copy it.", "bad"),
    );
  }
  return { isCopied, copy };
}

async function writeText(text: string): Promise<void> {
  if ("clipboard" in navigator) {
    await navigator.clipboard.writeText(text);
    return;
  }
  throw new Error("no clipboard outside a secure context");
}
