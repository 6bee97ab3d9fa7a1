import type { ReactNode } from "react";

import { useDocumentTitle } from "@/ui/document-title";
import { Logo } from "@/ui/icons";

export interface AuthFrameProps {
  readonly title: string;
  readonly description?: ReactNode;
  readonly children: ReactNode;
  readonly footer?: ReactNode;
}

/** The quiet frame around the pages that need no signing in. */
export function AuthFrame({ title, description, children, footer }: AuthFrameProps) {
  useDocumentTitle(title);
  return (
    <main className="flex min-h-full flex-col items-center justify-center px-4 py-10">
      <div className="w-full max-w-[25rem] space-y-7">
        <div className="space-y-5 text-center">
          <Logo className="mx-auto size-11" />
          <div className="space-y-1.5">
            <h1 className="text-2xl font-semibold tracking-[-0.02em]">{title}</h1>
            {description && <p className="text-ink-soft">{description}</p>}
          </div>
        </div>
        <div className="rounded-2xl bg-raised p-6 shadow-lift ring-1 ring-line sm:p-7">
          {children}
        </div>
        {footer && <div className="text-center text-sm text-ink-soft">{footer}</div>}
      </div>
    </main>
  );
}
