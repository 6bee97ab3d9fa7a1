import { useEffect } from "react";

/** Names the page in the browser's tab; a change of page is read out by it. */
export function useDocumentTitle(title: string | null | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} · NovaCore` : "NovaCore";
  }, [title]);
}
