import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { requestReset, resetPassword } from "@/features/auth/api";
import { AuthFrame } from "@/features/auth/frame";
import { Field } from "@/ui/field";
import { Form, textIn } from "@/ui/form";
import { MailIcon } from "@/ui/icons";
import { TEXT_LINK } from "@/ui/link";
import { say } from "@/ui/toast";

/** Asks for the mail; with the token of that mail, sets the new password. */
export function ResetPage() {
  const { token } = useSearch({ from: "/reset" });
  return token ? <SetPassword token={token} /> : <AskForMail />;
}

const BACK = (
  <Link to="/sign-in" className={TEXT_LINK}>
    Back to sign in
  </Link>
);

function AskForMail() {
  const [sentTo, setSentTo] = useState<string | null>(null);
  if (sentTo !== null) {
    return (
      <AuthFrame title="Check your mail" footer={BACK}>
        <div className="space-y-5 text-center" role="status">
          <MailIcon className="mx-auto size-9 text-accent-ink" />
          <p className="text-ink-soft">
            If there is an account for{" "}
            <strong className="font-medium break-all text-ink">{sentTo}</strong>, a mail with a link
            is on its way. The link works for one hour.
          </p>
        </div>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame
      title="Reset your password"
      description="We send you a link to set a new one."
      footer={BACK}
    >
      <Form
        action="Send the link"
        onSend={async (values) => {
          const email = textIn(values, "email").trim();
          await requestReset(email);
          return email;
        }}
        onDone={setSentTo}
      >
        <Field
          label="E-mail address"
          name="email"
          type="email"
          autoComplete="username"
          required
          autoFocus
        />
      </Form>
    </AuthFrame>
  );
}

function SetPassword({ token }: { token: string }) {
  const navigate = useNavigate();
  return (
    <AuthFrame title="Choose a new password" footer={BACK}>
      <Form
        action="Set the password"
        onSend={(values) => resetPassword(token, textIn(values, "password"))}
        onDone={async () => {
          say("Your password is set. Sign in with it.");
          await navigate({ to: "/sign-in" });
        }}
      >
        <Field
          label="New password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          autoFocus
          hint="You are signed out on all devices; sign in again with the new one."
        />
      </Form>
    </AuthFrame>
  );
}
