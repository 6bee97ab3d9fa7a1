import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";

import { buttonClass } from "@/ui/button";
import { useDocumentTitle } from "@/ui/document-title";
import { Empty, Failure } from "@/ui/states";

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
    <main className="flex min-h-full flex-col justify-center">
      <Empty
        title="There is no such page"
        action={
          <Link to="/" className={buttonClass("primary")}>
            To the conversations
          </Link>
        }
      >
        <h1 className="sr-only">Not found</h1>
        It may have been moved, or the address has a slip in it.
      </Empty>
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
