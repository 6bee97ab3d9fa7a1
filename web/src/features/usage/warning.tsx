import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { nearestLimit } from "@/features/usage/limits";
import { quotaQuery } from "@/features/usage/queries";
import { resourceText } from "@/features/usage/resources";
import { moment } from "@/ui/format";
import { TEXT_LINK } from "@/ui/link";
import { WarningIcon } from "@/ui/icons";
import { Note } from "@/ui/states";

/** Says above the composer that a limit of the day is nearly reached. */
export function UsageWarning() {
  const quota = useQuery(quotaQuery).data;
  const nearest = quota?.is_limited ? nearestLimit(quota) : null;
  if (!quota || !nearest) {
    return null;
  }
  const left = Math.max(0, (nearest.limit ?? 0) - nearest.used - nearest.held);
  return (
    <Note kind="warn" icon={<WarningIcon />}>
      {nearest.percent >= 100
        ? "Today’s limit is used up."
        : `${Math.floor(nearest.percent)} % of today’s limit is used: ${resourceText(nearest.resource, left)} left.`}{" "}
      New {moment(quota.resets_at_us)}.{" "}
      <Link to="/usage" className={TEXT_LINK}>
        Usage
      </Link>
    </Note>
  );
}
