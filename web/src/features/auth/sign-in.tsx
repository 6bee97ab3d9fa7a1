import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";

import { signIn } from "@/features/auth/api";
import { AuthFrame } from "@/features/auth/frame";
import { destination } from "@/features/auth/next";
import { publicConfigQuery } from "@/features/auth/queries";
import { Field } from "@/ui/field";
import { Form, textIn } from "@/ui/form";
import { TEXT_LINK } from "@/ui/link";

export function SignInPage() {
  const navigate = useNavigate();
  const { next } = useSearch({ from: "/sign-in" });
  const config = useQuery(publicConfigQuery).data;

  return (
    <AuthFrame
      title="Welcome back"
      description="Sign in to your conversations."
      footer={
        config?.registration !== "closed" && (
          <>
            New here?{" "}
            <Link to="/register" className={TEXT_LINK}>
              Create an account
            </Link>
          </>
        )
      }
    >
      <Form
        action="Sign in"
        onSend={(values) => signIn(textIn(values, "email").trim(), textIn(values, "password"))}
        onDone={(account) => navigate({
            ...(account.is_verified ? destination(next) : { to: "/verify" }),
            replace: true,
          })}
      >
        <Field
          label="E-mail address"
          name="email"
          type="email"
          autoComplete="username"
          required
          autoFocus
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          required
        />
        <p className="text-right text-sm">
          <Link to="/reset" className={TEXT_LINK}>
            Forgot your password?
          </Link>
        </p>
      </Form>
    </AuthFrame>
  );
}
