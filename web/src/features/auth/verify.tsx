import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { access } from "@/api/client";
import { signOut, verifyEmail } from "@/features/auth/api";
import { AuthFrame } from "@/features/auth/frame";
import { accountQuery, useAccount } from "@/features/auth/queries";
import { ResendButton } from "@/features/auth/resend";
import { Button, buttonClass } from "@/ui/button";
import { Form } from "@/ui/form";
import { CheckIcon, MailIcon } from "@/ui/icons";

/** Where the link in the mail leads: the click confirms, not the opening, which scanners do too. */
export function VerifyPage() {
  const { token } = useSearch({ from: "/verify" });
  const [isDone, setIsDone] = useState(false);
  const client = useQueryClient();

  if (isDone) {
    return <Verified />;
  }
  if (!token) {
    return <WaitingForMail />;
  }
  return (
    <AuthFrame title="Confirm your address" description="One click, and you can start.">
      <Form
        action="Confirm my address"
        onSend={() => verifyEmail(token)}
        onDone={async () => {
          setIsDone(true);
          if (access.standing === "signed-in") {
            // The token says that the address is not verified; a new one says otherwise.
            await access.renew().catch(() => null);
            await client.invalidateQueries({ queryKey: accountQuery.queryKey });
          }
        }}
      />
    </AuthFrame>
  );
}

function Verified() {
  const isSignedIn = access.standing === "signed-in";
  return (
    <AuthFrame title="Your address is confirmed">
      <div className="space-y-5 text-center" role="status">
        <CheckIcon className="mx-auto size-9 text-good-ink" />
        <p className="text-ink-soft">Thank you. Everything is ready.</p>
        <Link
          to={isSignedIn ? "/" : "/sign-in"}
          className={`${buttonClass("primary")} w-full`}
        >
          {isSignedIn ? "Start a conversation" : "Sign in"}
        </Link>
      </div>
    </AuthFrame>
  );
}

function WaitingForMail() {
  const account = useAccount();
  const navigate = useNavigate();
  return (
    <AuthFrame title="One step is left">
      <div className="space-y-5 text-center">
        <MailIcon className="mx-auto size-9 text-accent-ink" />
        <p className="text-ink-soft">
          Open the link in the mail that we sent
          {account && (
            <>
              {" "}
              to <strong className="font-medium break-all text-ink">{account.email}</strong>
            </>
          )}
          . Nothing there? Look among the spam, or send it again.
        </p>
        {account && <ResendButton email={account.email} />}
        <Button
          look="quiet"
          className="w-full"
          onClick={async () => {
            await signOut().catch(() => undefined);
            await navigate({ to: "/sign-in" });
          }}
        >
          Sign out
        </Button>
      </div>
    </AuthFrame>
  );
}
