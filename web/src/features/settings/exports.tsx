import { useMutation, useQuery } from "@tanstack/react-query";

import { problemOf } from "@/api/problem";
import { askForExport, downloadExport, exportsQuery } from "@/features/settings/api";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { bytes, date, dateTime } from "@/ui/format";
import { DownloadIcon } from "@/ui/icons";
import { say } from "@/ui/toast";

const LOOK_AGAIN_MS = 5_000;

/** Everything that is kept of the account, to take along. */
export function Exports() {
  const asking = useMutation({
    mutationFn: askForExport,
    onSuccess: (message) => say(message),
    onError: (error) => say(problemOf(error).message, "bad"),
  });
  // A copy takes a moment to make; once one was asked for, it is looked for.
  const found = useQuery({
    ...exportsQuery,
    refetchInterval: asking.isSuccess ? LOOK_AGAIN_MS : false,
  });
  return (
    <Card
      title="Your data"
      description="Everything that is kept of your account, in one file. Making it takes a moment; a letter tells you when it is there."
      action={
        <Button isBusy={asking.isPending} onClick={() => asking.mutate()}>
          Make a copy
        </Button>
      }
    >
      {found.data && found.data.length > 0 && (
        <ul className="divide-y divide-line">
          {found.data.map((made) => (
            <li key={made.id} className="flex items-center gap-4 py-3 first:pt-0 last:pb-0">
              <div className="min-w-0 grow">
                <p className="font-medium">{dateTime(made.made_at_us)}</p>
                <p className="text-sm text-ink-soft">
                  {bytes(made.size_bytes)} · until {date(made.expires_at_us)}
                </p>
              </div>
              <Button
                isSmall
                onClick={() =>
                  downloadExport(made.id).catch((error) => say(problemOf(error).message, "bad"))
                }
              >
                <DownloadIcon className="size-4" />
                Download
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
