import { useMutation } from "@tanstack/react-query";

import { resendVerification } from "@/features/auth/api";
import { Button } from "@/ui/button";
import { Failure } from "@/ui/states";
import { say } from "@/ui/toast";

/** Sends the mail with the confirmation link once more. */
export function ResendButton({ email }: { email: string }) {
  const sending = useMutation({
    mutationFn: () => resendVerification(email),
    onSuccess: () => say("The mail is on its way again."),
  });
  return (
    <div className="space-y-3">
      <Button isBusy={sending.isPending} onClick={() => sending.mutate()} className="w-full">
        Send the mail again
      </Button>
      {sending.isError && <Failure error={sending.error} isCompact />}
    </div>
  );
}
