import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";

import { buttonClass } from "@/ui/button";
import { useDocumentTitle } from "@/ui/document-title";
import { Logo } from "@/ui/icons";
import { Failure } from "@/ui/states";

/** What is shown where a page could not be made. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  useDocumentTitle("Something went wrong");
  return (
    <div className="mx-auto flex min-h-full max-w-lg flex-col justify-center px-4 py-12">
      <Failure
        error={error}
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </div>
  );
}

export function NotFound() {
  useDocumentTitle("Not found");
  return (
    <main className="flex min-h-full flex-col items-center justify-center gap-6 px-6 py-12 text-center">
      <Logo className="size-11" />
      <div className="max-w-sm space-y-1.5">
        <h1 className="text-2xl font-semibold tracking-[-0.02em]">There is no such page</h1>
        <p className="text-ink-soft">It may have moved, or the address has a slip in it.</p>
      </div>
      <Link to="/" className={buttonClass("primary")}>
        To the conversations
      </Link>
    </main>
  );
}

/** Shown while a page's code is on its way, and only where that takes a moment. */
export function PageLoading() {
  return (
    <div role="status" aria-label="Loading the page" className="flex h-full items-center justify-center">
      <span className="size-6 rounded-full border-2 border-line-strong border-r-transparent animate-turn" />
    </div>
  );
}
