/** A path of this app, or the start: a link must not lead a person elsewhere after signing in. */
export function ownPath(value: unknown): string {
  const isOwn = typeof value === "string" && /^\/(?![/\\])/.test(value);
  return isOwn ? value : "/";
}

/** Where a path with its search leads, as the router wants to be told. */
export function destination(next: string | undefined): { to: string; search: never } {
  const url = new URL(ownPath(next), "http://app.invalid");
  // The route that it leads to checks its search itself.
  return { to: url.pathname, search: Object.fromEntries(url.searchParams) as never };
}
