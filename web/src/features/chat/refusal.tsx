import { Link } from "@tanstack/react-router";

import type { Problem } from "@/api/problem";
import { resourceText, shareText } from "@/features/usage/resources";
import { Button } from "@/ui/button";
import { moment, untilNow } from "@/ui/format";
import { GaugeIcon } from "@/ui/icons";
import { TEXT_LINK } from "@/ui/link";
import { Meter } from "@/ui/progress";
import { Failure } from "@/ui/states";

export interface TurnFailureProps {
  readonly problem: Problem;
  readonly onRetry?: (() => void) | undefined;
}

/** Why a turn came to nothing: a spent limit is explained, all else is shown as an error. */
export function TurnFailure({ problem, onRetry }: TurnFailureProps) {
  const limit = problem.number("limit");
  if (problem.status === 429 && limit !== null) {
    return <SpentLimit problem={problem} limit={limit} onRetry={onRetry} />;
  }
  return <Failure error={problem} onRetry={onRetry} />;
}

/** What was used, what an answer would need, and when it goes on. */
function SpentLimit({ problem, limit, onRetry }: TurnFailureProps & { limit: number }) {
  const used = problem.number("used") ?? limit;
  const held = problem.number("held") ?? 0;
  const resetsAtUs = problem.number("resets_at_us");
  const name = problem.text("resource") ?? "tokens";
  const amount = `${shareText(name, used, limit)} used`;
  const title = resetsAtUs === null ? "Your limit is reached" : "That is all for today";
  return (
    <section role="alert" aria-label={title} className="space-y-4 rounded-2xl bg-warn-soft p-5">
      <div className="flex gap-3">
        <GaugeIcon className="mt-0.5 size-5 text-warn-ink" />
        <div className="space-y-1">
          <h3 className="font-semibold text-warn-ink">{title}</h3>
          <p className="text-sm text-ink-soft">
            {explained(problem, name)}
            {resetsAtUs !== null && (
              <>
                {" "}
                You can go on {untilNow(resetsAtUs)},{" "}
                <strong className="font-medium text-ink">{moment(resetsAtUs)}</strong>.
              </>
            )}
          </p>
        </div>
      </div>
      <div className="space-y-1.5">
        <Meter
          label="Used of the limit"
          text={amount}
          percent={limit > 0 ? (100 * used) / limit : 100}
          warningPercent={80}
        />
        <p className="text-sm text-ink-soft">
          {amount}
          {held > 0 && `, ${resourceText(name, held)} held for answers under way`}
        </p>
      </div>
      <div className="flex flex-wrap items-center gap-4">
        {onRetry && (
          <Button isSmall onClick={onRetry}>
            Try again
          </Button>
        )}
        <Link to="/usage" className={`${TEXT_LINK} text-sm`}>
          See what was used
        </Link>
        <Link to="/plans" className={`${TEXT_LINK} text-sm`}>
          See the plans
        </Link>
      </div>
    </section>
  );
}

function explained(problem: Problem, resource: string): string {
  const needed = problem.number("needed");
  if (needed === null) {
    return problem.message;
  }
  return `Another answer needs ${resourceText(resource, needed)}, and your limit leaves less.`;
}
