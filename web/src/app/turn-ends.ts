import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { turns } from "@/features/chat/live";
import { messagesQuery, SESSIONS_KEY } from "@/features/sessions/queries";
import { QUOTA_KEY } from "@/features/usage/queries";

/** When an answer has ended, what is shown of it comes from the journal again. */
export function useTurnEnds(): void {
  const client = useQueryClient();
  useEffect(() => {
    turns.onEnd = async (turn) => {
      void client.invalidateQueries({ queryKey: QUOTA_KEY });
      void client.invalidateQueries({ queryKey: ["usage", "history"] });
      await Promise.all([
        client.invalidateQueries({ queryKey: messagesQuery(turn.session).queryKey }),
        client.invalidateQueries({ queryKey: SESSIONS_KEY }),
      ]);
    };
    return () => {
      turns.onEnd = () => undefined;
    };
  }, [client]);
}
