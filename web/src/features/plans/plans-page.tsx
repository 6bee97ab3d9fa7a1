import { useQuery } from "@tanstack/react-query";

import { api, told } from "@/api/client";
import type { Plan } from "@/api/model";
import { quotaQuery } from "@/features/usage/queries";
import { resourceText } from "@/features/usage/resources";
import { Card, Page } from "@/ui/card";
import { useDocumentTitle } from "@/ui/document-title";
import { price } from "@/ui/format";
import { Failure, LoadingLines, Note } from "@/ui/states";

const LIMITS = [
  ["tokens", "tokens_per_day", "a day"],
  ["messages", "messages_per_day", "a day"],
  ["storage_bytes", "storage_bytes", "stored in all"],
  ["agent_minutes", "agent_minutes_per_day", "of agents a day"],
] as const;

/** What each plan offers: where a refusal's `upgrade_url` leads. */
export function PlansPage() {
  useDocumentTitle("Plans");
  const plans = useQuery({
    queryKey: ["plans"],
    queryFn: () => told(api.GET("/api/v1/plans")),
    staleTime: 60_000,
  });
  const own = useQuery(quotaQuery).data?.plan;
  return (
    <Page title="Plans" description="What an account may use, and what it costs a month.">
      <Note kind="info">
        {plans.data && !plans.data.is_limited
          ? "On this server everything is counted, and no plan limits anybody."
          : "Who looks after this server puts your account on another plan: ask them."}
      </Note>
      {plans.isPending && <LoadingLines label="Loading the plans" lines={4} />}
      {plans.isError && <Failure error={plans.error} onRetry={() => plans.refetch()} />}
      {plans.data?.plans
        // Nobody chooses what follows when a trial has ended.
        .filter((plan) => plan.name === own || !plans.data.plans.some((each) => each.then === plan.name))
        .map((plan) => (
          <Card
            key={plan.name}
            title={plan.title}
            description={priceText(plan)}
            action={
              plan.name === own && (
                <span className="rounded-full bg-accent-soft px-3 py-1 text-sm font-medium text-accent-ink">
                  Your plan
                </span>
              )
            }
          >
            <ul className="grid gap-2 text-sm sm:grid-cols-2">
              {LIMITS.map(([resource, field, per]) => (
                <li key={resource}>{limitText(resource, plan[field], per)}</li>
              ))}
              {plan.models.length > 0 && <li>Models: {plan.models.join(", ")}</li>}
            </ul>
          </Card>
        ))}
    </Page>
  );
}

function priceText(plan: Plan): string {
  const amount = plan.price_minor === 0 ? "Free" : `${price(plan.price_minor, plan.currency)} a month`;
  return plan.days === null ? amount : `${amount}, for ${plan.days} days`;
}

function limitText(resource: string, limit: number | null, per: string): string {
  if (limit !== null) {
    return `${resourceText(resource, limit)} ${per}`;
  }
  return `Unlimited ${NAMES[resource] ?? resource}`;
}

const NAMES: Readonly<Record<string, string>> = {
  tokens: "tokens",
  messages: "messages",
  storage_bytes: "storage",
  agent_minutes: "minutes of agents",
};
