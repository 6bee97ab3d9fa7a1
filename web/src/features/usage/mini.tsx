import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { quotaQuery } from "@/features/usage/queries";
import { shareText } from "@/features/usage/resources";
import { Meter } from "@/ui/progress";

/** The day's limit at the foot of the side bar, where there is one. */
export function MiniUsage() {
  const quota = useQuery(quotaQuery).data;
  const tokens = quota?.resources.find((resource) => resource.resource === "tokens");
  if (!quota?.is_limited || !tokens || tokens.limit === null) {
    return null;
  }
  const percent = tokens.percent ?? 0;
  return (
    <Link to="/usage" className="block space-y-1.5 rounded-xl px-3 py-2.5 hover:bg-hover">
      <span className="flex justify-between text-xs text-ink-soft">
        <span>Today</span>
        <span className="tabular-nums">{Math.floor(percent)} %</span>
      </span>
      <Meter
        label="Tokens used today"
        text={shareText("tokens", tokens.used, tokens.limit)}
        percent={percent}
        warningPercent={quota.warning_percent}
        isThin
      />
    </Link>
  );
}
