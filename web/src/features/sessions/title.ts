import type { Session } from "@/api/model";

export function sessionTitle(session: Pick<Session, "title">): string {
  return session.title.trim() || "New conversation";
}
