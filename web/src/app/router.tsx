import { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";

import { access } from "@/api/client";
import { Problem } from "@/api/problem";
import { NotFound, PageFailed, PageLoading } from "@/app/errors";
import { destination, ownPath } from "@/features/auth/next";
import { accountQuery, isPublic } from "@/features/auth/queries";
import { Toasts } from "@/ui/toast";

const RETRIES_MAX = 2;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // Only what can succeed is tried again: a refusal stays a refusal.
      retry: (count, error) =>
        count < RETRIES_MAX && (!(error instanceof Problem) || error.status === 0 || error.status >= 502),
      staleTime: 5_000,
    },
  },
});

interface Context {
  readonly queryClient: QueryClient;
}

const root = createRootRouteWithContext<Context>()({
  component: () => (
    <>
      <Outlet />
      <Toasts />
    </>
  ),
  notFoundComponent: NotFound,
  errorComponent: PageFailed,
});

function optionalText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { next?: string } => {
    const next = ownPath(search.next);
    return next === "/" ? {} : { next };
  },
  beforeLoad: async ({ search }) => {
    if ((await access.start()) === "signed-in") {
      throw redirect(destination(search.next));
    }
  },
  component: lazyRouteComponent(() => import("@/features/auth/sign-in"), "SignInPage"),
});

/** The address that letters and habits know. */
const logIn = createRoute({
  getParentRoute: () => root,
  path: "/login",
  beforeLoad: () => {
    throw redirect({ to: "/sign-in", replace: true });
  },
});

const register = createRoute({
  getParentRoute: () => root,
  path: "/register",
  validateSearch: (search: Record<string, unknown>): { invitation?: string } => {
    const invitation = optionalText(search.invitation);
    return invitation ? { invitation } : {};
  },
  component: lazyRouteComponent(() => import("@/features/auth/register"), "RegisterPage"),
});

function tokenIn(search: Record<string, unknown>): { token?: string } {
  const token = optionalText(search.token);
  return token ? { token } : {};
}

const verify = createRoute({
  getParentRoute: () => root,
  path: "/verify",
  validateSearch: tokenIn,
  beforeLoad: async ({ search, context }) => {
    const standing = await access.start();
    if (search.token === undefined) {
      if (standing !== "signed-in") {
        throw redirect({ to: "/sign-in" });
      }
      const account = await context.queryClient.ensureQueryData(accountQuery);
      if (account.is_verified) {
        throw redirect({ to: "/" });
      }
    }
  },
  component: lazyRouteComponent(() => import("@/features/auth/verify"), "VerifyPage"),
});

const reset = createRoute({
  getParentRoute: () => root,
  path: "/reset",
  validateSearch: tokenIn,
  component: lazyRouteComponent(() => import("@/features/auth/reset"), "ResetPage"),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: async ({ location, context }) => {
    if ((await access.start()) !== "signed-in") {
      const next = location.href;
      throw redirect({ to: "/sign-in", search: next === "/" ? {} : { next } });
    }
    const account = await context.queryClient.ensureQueryData(accountQuery);
    if (!account.is_verified) {
      throw redirect({ to: "/verify" });
    }
  },
  component: lazyRouteComponent(() => import("@/app/shell"), "Shell"),
});

const newChat = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  component: lazyRouteComponent(() => import("@/features/chat/new-chat-page"), "NewChatPage"),
});

const chat = createRoute({
  getParentRoute: () => signedIn,
  path: "/c/$sessionId",
  validateSearch: (search: Record<string, unknown>): { at?: number } => {
    const at = Number(search.at);
    return search.at !== undefined && Number.isInteger(at) && at >= 0 ? { at } : {};
  },
  component: lazyRouteComponent(() => import("@/features/chat/chat-page"), "ChatPage"),
});

const pages = createRoute({
  getParentRoute: () => signedIn,
  id: "pages",
  component: lazyRouteComponent(() => import("@/app/page-frame"), "PageFrame"),
});

const usage = createRoute({
  getParentRoute: () => pages,
  path: "/usage",
  component: lazyRouteComponent(() => import("@/features/usage/usage-page"), "UsagePage"),
});

const plans = createRoute({
  getParentRoute: () => pages,
  path: "/plans",
  component: lazyRouteComponent(() => import("@/features/plans/plans-page"), "PlansPage"),
});

const keys = createRoute({
  getParentRoute: () => pages,
  path: "/keys",
  component: lazyRouteComponent(() => import("@/features/api-keys/api-keys-page"), "ApiKeysPage"),
});

const settings = createRoute({
  getParentRoute: () => pages,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/features/settings/settings-page"), "SettingsPage"),
});

const archive = createRoute({
  getParentRoute: () => pages,
  path: "/archive",
  component: lazyRouteComponent(() => import("@/features/sessions/archive-page"), "ArchivePage"),
});

const routeTree = root.addChildren([
  signIn,
  logIn,
  register,
  verify,
  reset,
  signedIn.addChildren([newChat, chat, pages.addChildren([usage, plans, keys, settings, archive])]),
]);

export const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: "intent",
  defaultPendingComponent: PageLoading,
  defaultErrorComponent: PageFailed,
  defaultNotFoundComponent: NotFound,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

// Who signs out, here or in another tab, sees nothing of what was theirs any more.
access.subscribe(async () => {
  await router.invalidate();
  if (access.standing === "signed-out") {
    // Only now: what is still on the page would ask for it anew. What everybody may know stays, for
    // the page to sign in is showing it.
    queryClient.removeQueries({ predicate: (query) => !isPublic(query.queryKey) });
    queryClient.getMutationCache().clear();
  }
});
