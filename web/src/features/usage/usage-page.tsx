import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Quota, QuotaResource } from "@/api/model";
import { UsageHistory } from "@/features/usage/history";
import { quotaQuery } from "@/features/usage/queries";
import { resourceName, resourceText, shareText } from "@/features/usage/resources";
import { Card, Page } from "@/ui/card";
import { useDocumentTitle } from "@/ui/document-title";
import { moment, untilNow } from "@/ui/format";
import { WarningIcon } from "@/ui/icons";
import { TEXT_LINK } from "@/ui/link";
import { Meter } from "@/ui/progress";
import { Failure, LoadingLines } from "@/ui/states";

export function UsagePage() {
  useDocumentTitle("Usage");
  const quota = useQuery({ ...quotaQuery, refetchInterval: 30_000 });
  return (
    <Page
      title="Usage"
      description={
        quota.data && (
          <>
            A new day begins {moment(quota.data.resets_at_us)} ({untilNow(quota.data.resets_at_us)}
            ).
          </>
        )
      }
    >
      <Card
        title="Today"
        description={quota.data && planText(quota.data)}
        action={
          <Link to="/plans" className={`${TEXT_LINK} text-sm`}>
            See the plans
          </Link>
        }
      >
        {quota.isPending && <LoadingLines label="Loading your usage" lines={4} />}
        {quota.isError && <Failure error={quota.error} onRetry={() => quota.refetch()} />}
        {quota.data && (
          <ul className="space-y-6">
            {quota.data.resources.map((resource) => (
              <li key={resource.resource}>
                <Resource resource={resource} warningPercent={quota.data.warning_percent} />
              </li>
            ))}
          </ul>
        )}
      </Card>
      <UsageHistory />
    </Page>
  );
}

function planText(quota: Quota): string {
  const plan = quota.plan.replaceAll("_", " ");
  return quota.is_limited ? `Your plan: ${plan}.` : "Everything is counted, nothing is limited.";
}

interface ResourceProps {
  readonly resource: QuotaResource;
  readonly warningPercent: number;
}

function Resource({ resource, warningPercent }: ResourceProps) {
  const { limit, used, held } = resource;
  const name = resourceName(resource.resource);
  const percent = resource.percent ?? (limit ? (100 * used) / limit : 0);
  const amount =
    limit === null
      ? resourceText(resource.resource, used)
      : shareText(resource.resource, used, limit);
  const isWarning = limit !== null && percent >= warningPercent;
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <span className="font-medium">{name}</span>
        <span className="text-sm text-ink-soft tabular-nums">
          {amount}
          {limit === null && " · no limit"}
        </span>
      </div>
      {limit !== null && (
        <Meter label={name} text={amount} percent={percent} warningPercent={warningPercent} />
      )}
      {isWarning && (
        <p className="flex items-center gap-1.5 text-sm font-medium text-warn-ink">
          <WarningIcon className="size-4" />
          {percent >= 100 ? "The limit is reached." : `${Math.floor(percent)} % is used.`}
        </p>
      )}
      {held > 0 && (
        <p className="text-sm text-ink-soft">
          {resourceText(resource.resource, held)} held for answers under way
        </p>
      )}
    </div>
  );
}
