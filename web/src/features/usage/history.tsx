import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { type Bar, barsOf, byModel, DAYS } from "@/features/usage/bars";
import { historyQuery } from "@/features/usage/queries";
import { Card } from "@/ui/card";
import { number, shortNumber } from "@/ui/format";
import { GaugeIcon } from "@/ui/icons";
import { Empty, Failure, Skeleton } from "@/ui/states";

/** Tokens a day over the last thirty days, and by model. */
export function UsageHistory() {
  const history = useQuery(historyQuery(DAYS));
  const bars = useMemo(() => barsOf(history.data ?? []), [history.data]);
  const models = useMemo(() => byModel(history.data ?? []), [history.data]);
  const isEmpty = models.length === 0;
  return (
    <Card title="The last 30 days" description={isEmpty ? undefined : "Tokens a day, in UTC days."}>
      {history.isPending && <Skeleton className="h-40" />}
      {history.isError && <Failure error={history.error} onRetry={() => history.refetch()} />}
      {history.data && isEmpty && (
        <Empty icon={<GaugeIcon className="size-8" />} title="Nothing used yet">
          Each answer is counted once, and shows up here.
        </Empty>
      )}
      {history.data && !isEmpty && (
        <div className="space-y-6">
          <Chart bars={bars} />
          <table className="w-full text-sm">
            <caption className="sr-only">Tokens by model</caption>
            <thead>
              <tr className="text-left text-ink-soft">
                <th className="border-b border-line py-2 font-medium">Model</th>
                <th className="border-b border-line py-2 text-right font-medium">Tokens</th>
              </tr>
            </thead>
            <tbody>
              {models.map(([model, tokens]) => (
                <tr key={model}>
                  <td className="border-b border-line py-2 break-all">{model || "unknown"}</td>
                  <td className="border-b border-line py-2 text-right tabular-nums">
                    {number(tokens)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Chart({ bars }: { bars: readonly Bar[] }) {
  const highest = Math.max(1, ...bars.map((bar) => bar.tokens));
  const total = bars.reduce((sum, bar) => sum + bar.tokens, 0);
  return (
    <figure>
      <div
        role="img"
        aria-label={`${number(total)} tokens in ${DAYS} days, at most ${number(highest)} in one day`}
        className="flex h-36 items-end gap-[3px] border-b border-line"
      >
        {bars.map((bar) => (
          <div
            key={bar.day}
            title={`${bar.day}: ${number(bar.tokens)} tokens`}
            className="group flex h-full grow items-end"
          >
            <div
              className="w-full rounded-t-sm bg-accent/75 group-hover:bg-accent"
              style={{ height: bar.tokens === 0 ? "0" : `${Math.max(2, (100 * bar.tokens) / highest)}%` }}
            />
          </div>
        ))}
      </div>
      <figcaption className="mt-2 flex justify-between text-xs text-ink-soft tabular-nums">
        <span>{bars[0]?.day}</span>
        <span>{shortNumber(total)} tokens in all</span>
        <span>{bars.at(-1)?.day}</span>
      </figcaption>
    </figure>
  );
}
