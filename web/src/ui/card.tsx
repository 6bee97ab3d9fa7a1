import type { ReactNode } from "react";

export interface CardProps {
  readonly title?: string;
  readonly description?: ReactNode;
  readonly action?: ReactNode;
  readonly children?: ReactNode;
}

/** One matter of a page. */
export function Card({ title, description, action, children }: CardProps) {
  return (
    <section className="rounded-2xl bg-raised p-5 shadow-lift ring-1 ring-line sm:p-6">
      {(title || action) && (
        <div className="mb-4 flex flex-wrap items-start justify-between gap-3">
          <div className="min-w-0 space-y-1">
            {title && <h2 className="font-semibold">{title}</h2>}
            {description && <p className="max-w-prose text-sm text-ink-soft">{description}</p>}
          </div>
          {action}
        </div>
      )}
      {children}
    </section>
  );
}

export interface PageProps {
  readonly title: string;
  readonly description?: ReactNode;
  readonly action?: ReactNode;
  readonly children: ReactNode;
}

/** A page beside the chat: its title, and cards below it. */
export function Page({ title, description, action, children }: PageProps) {
  return (
    // It scrolls, so that it can be focused: the arrow keys then move it.
    <div
      tabIndex={0}
      role="region"
      aria-label={title}
      className="h-full overflow-y-auto focus-visible:-outline-offset-2"
    >
      <div className="mx-auto max-w-3xl space-y-6 px-4 py-8 sm:px-8 sm:py-12">
        <header className="flex items-end justify-between gap-4 max-sm:flex-wrap">
          <div className="min-w-0 space-y-1">
            <h1 className="text-2xl font-semibold tracking-[-0.02em]">{title}</h1>
            {description && <p className="max-w-prose text-ink-soft">{description}</p>}
          </div>
          {action}
        </header>
        {children}
      </div>
    </div>
  );
}
