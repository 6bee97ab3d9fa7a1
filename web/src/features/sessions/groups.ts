import type { Session } from "@/api/model";

export interface Group {
  readonly name: string;
  readonly sessions: Session[];
}

const NAMES = ["Pinned", "Today", "Yesterday", "The week before", "Earlier"] as const;

/** Sessions in the groups in which they are listed, in the server's order within each. */
export function groupsOf(sessions: readonly Session[], now: Date = new Date()): Group[] {
  const groups = new Map<string, Session[]>(NAMES.map((name) => [name, []]));
  for (const session of sessions) {
    groups.get(groupOf(session, now))?.push(session);
  }
  return [...groups]
    .filter(([, members]) => members.length > 0)
    .map(([name, members]) => ({ name, sessions: members }));
}

function groupOf(session: Session, now: Date): (typeof NAMES)[number] {
  if (session.is_pinned) {
    return "Pinned";
  }
  const startMs = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const agoMs = startMs - session.updated_at_us / 1000;
  const dayMs = 86_400_000;
  if (agoMs <= 0) {
    return "Today";
  }
  if (agoMs <= dayMs) {
    return "Yesterday";
  }
  return agoMs <= 8 * dayMs ? "The week before" : "Earlier";
}
