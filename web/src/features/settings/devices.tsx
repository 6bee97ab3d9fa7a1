import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import type { Device } from "@/api/model";
import { problemOf } from "@/api/problem";
import { deviceName } from "@/features/settings/device-name";
import { devicesQuery, signOutDevice } from "@/features/settings/api";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ago } from "@/ui/format";
import { DeviceIcon } from "@/ui/icons";
import { Failure, LoadingLines } from "@/ui/states";
import { say } from "@/ui/toast";

/** Where the account is signed in. */
export function Devices() {
  const devices = useQuery(devicesQuery);
  return (
    <Card
      title="Signed-in devices"
      description="Something you don’t know? Sign it out, then change your password."
    >
      {devices.isPending && <LoadingLines label="Loading your devices" />}
      {devices.isError && <Failure error={devices.error} onRetry={() => devices.refetch()} />}
      {devices.data && (
        <ul className="divide-y divide-line">
          {devices.data.map((device) => (
            <DeviceRow key={device.id} device={device} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function DeviceRow({ device }: { device: Device }) {
  const client = useQueryClient();
  const name = deviceName(device.user_agent);
  const signingOut = useMutation({
    mutationFn: () => signOutDevice(device.id),
    onSuccess: () => {
      say("Signed out there.");
      return client.invalidateQueries({ queryKey: devicesQuery.queryKey });
    },
    onError: (error) => say(problemOf(error).message, "bad"),
  });
  return (
    <li className="flex items-center gap-4 py-3.5 first:pt-0 last:pb-0">
      <DeviceIcon className="size-5 text-ink-faint" />
      <div className="min-w-0 grow">
        <p className="truncate font-medium">{name}</p>
        <p className="text-sm text-ink-soft">
          {device.ip && `${device.ip} · `}
          {device.is_current ? "this device" : `active ${ago(device.last_used_at_us)}`}
        </p>
      </div>
      {!device.is_current && (
        <Button
          isSmall
          isBusy={signingOut.isPending}
          onClick={() => signingOut.mutate()}
          aria-label={`Sign out ${name}`}
        >
          Sign out
        </Button>
      )}
    </li>
  );
}
