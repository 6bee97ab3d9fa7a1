import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { register } from "@/features/auth/api";
import { AuthFrame } from "@/features/auth/frame";
import { publicConfigQuery } from "@/features/auth/queries";
import { ResendButton } from "@/features/auth/resend";
import { Field } from "@/ui/field";
import { Form, textIn } from "@/ui/form";
import { MailIcon } from "@/ui/icons";
import { TEXT_LINK } from "@/ui/link";
import { Note } from "@/ui/states";

export function RegisterPage() {
  const { invitation } = useSearch({ from: "/register" });
  const [sentTo, setSentTo] = useState<string | null>(null);
  const config = useQuery(publicConfigQuery).data;
  const isByInvitation = config?.registration === "invitation" && !invitation;

  if (sentTo !== null) {
    return <CheckYourMail email={sentTo} />;
  }
  return (
    <AuthFrame
      title="Create your account"
      description="An assistant that remembers what you tell it."
      footer={
        <>
          You have an account?{" "}
          <Link to="/sign-in" className={TEXT_LINK}>
            Sign in
          </Link>
        </>
      }
    >
      {config?.registration === "closed" ? (
        <Note kind="warn">
          New accounts are not open on this server. Ask its administrator to create one for you.
        </Note>
      ) : (
        <Form
          action="Create account"
          onSend={(values) => send(values, invitation)}
          onDone={setSentTo}
        >
          {isByInvitation && (
            <Note kind="info">This server takes new accounts by invitation. Use the link in yours.</Note>
          )}
          <Field label="Your name" name="name" autoComplete="name" maxLength={200} autoFocus />
          <Field label="E-mail address" name="email" type="email" autoComplete="username" required />
          <Field
            label="Password"
            name="password"
            type="password"
            autoComplete="new-password"
            required
            hint="Long beats complicated: a few words that only you put together."
          />
        </Form>
      )}
    </AuthFrame>
  );
}

async function send(values: FormData, invitation: string | undefined): Promise<string> {
  const email = textIn(values, "email").trim();
  const name = textIn(values, "name").trim();
  await register({
    email,
    password: textIn(values, "password"),
    name,
    invitation: invitation ?? "",
  });
  return email;
}

function CheckYourMail({ email }: { email: string }) {
  return (
    <AuthFrame
      title="Check your mail"
      footer={
        <Link to="/sign-in" className={TEXT_LINK}>
          Back to sign in
        </Link>
      }
    >
      <div className="space-y-5 text-center" role="status">
        <MailIcon className="mx-auto size-9 text-accent-ink" />
        <p className="text-ink-soft">
          We sent a link to <strong className="font-medium break-all text-ink">{email}</strong>. Open
          it to confirm that the address is yours.
        </p>
        <ResendButton email={email} />
      </div>
    </AuthFrame>
  );
}
