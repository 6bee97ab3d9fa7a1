import { useQueryClient } from "@tanstack/react-query";

import { access } from "@/api/client";
import { accountQuery, useAccount } from "@/features/auth/queries";
import { changeEmail, changePassword, changeProfile } from "@/features/settings/api";
import { DeleteAccount } from "@/features/settings/delete-account";
import { Devices } from "@/features/settings/devices";
import { Exports } from "@/features/settings/exports";
import { Card, Page } from "@/ui/card";
import { cx } from "@/ui/classes";
import { useDocumentTitle } from "@/ui/document-title";
import { Field } from "@/ui/field";
import { Form, textIn } from "@/ui/form";
import { date } from "@/ui/format";
import { MonitorIcon, MoonIcon, SunIcon } from "@/ui/icons";
import { LoadingLines } from "@/ui/states";
import { setTheme, type Theme, useTheme } from "@/ui/theme";
import { say } from "@/ui/toast";

export function SettingsPage() {
  useDocumentTitle("Settings");
  return (
    <Page title="Settings">
      <Profile />
      <Appearance />
      <ChangePassword />
      <ChangeEmail />
      <Devices />
      <Exports />
      <DeleteAccount />
    </Page>
  );
}

function Profile() {
  const account = useAccount();
  const client = useQueryClient();
  return (
    <Card
      title="Profile"
      description={account && `${account.email} · here since ${date(account.created_at_us)}`}
    >
      {!account && <LoadingLines label="Loading your profile" lines={2} />}
      {account && (
        <Form
          key={account.id}
          action="Save"
          isWide={false}
          onSend={(values) => changeProfile(textIn(values, "name").trim())}
          onDone={(changed) => {
            client.setQueryData(accountQuery.queryKey, changed);
            say("Saved.");
          }}
        >
          <Field
            label="Your name"
            name="name"
            defaultValue={account.name ?? ""}
            autoComplete="name"
            maxLength={200}
          />
        </Form>
      )}
    </Card>
  );
}

const THEMES: readonly { theme: Theme; name: string; Icon: typeof SunIcon }[] = [
  { theme: "system", name: "Like the device", Icon: MonitorIcon },
  { theme: "light", name: "Light", Icon: SunIcon },
  { theme: "dark", name: "Dark", Icon: MoonIcon },
];

function Appearance() {
  const chosen = useTheme();
  return (
    <Card title="Appearance">
      <fieldset>
        <legend className="sr-only">Theme</legend>
        <div className="grid gap-2 sm:grid-cols-3">
          {THEMES.map(({ theme, name, Icon }) => (
            <label
              key={theme}
              className={cx(
                "flex cursor-pointer items-center gap-3 rounded-xl px-4 py-3 ring-1 ring-inset",
                "has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent-ink",
                chosen === theme
                  ? "bg-accent-soft text-accent-ink ring-accent-ink"
                  : "text-ink-soft ring-line hover:bg-hover",
              )}
            >
              <input
                type="radio"
                name="theme"
                className="sr-only"
                checked={chosen === theme}
                onChange={() => setTheme(theme)}
              />
              <Icon />
              <span className="font-medium">{name}</span>
            </label>
          ))}
        </div>
      </fieldset>
    </Card>
  );
}

function ChangePassword() {
  return (
    <Card title="Password" description="All your other devices are signed out.">
      <Form
        action="Change the password"
        isWide={false}
        onSend={async (values) => {
          const password = textIn(values, "password");
          await changePassword(textIn(values, "current"), password);
          // The token of before may be refused from now on; the cookie brings a new one.
          await access.renew().catch(() => null);
        }}
        onDone={() => say("Your password is changed.")}
      >
        <div className="grid gap-4 sm:grid-cols-2">
          <Field
            label="Current password"
            name="current"
            type="password"
            autoComplete="current-password"
            required
          />
          <Field
            label="New password"
            name="password"
            type="password"
            autoComplete="new-password"
            required
          />
        </div>
      </Form>
    </Card>
  );
}

function ChangeEmail() {
  return (
    <Card
      title="E-mail address"
      description="The new address gets a link to confirm it; until then the old one stays."
    >
      <Form
        action="Change the address"
        isWide={false}
        onSend={(values) => changeEmail(textIn(values, "password"), textIn(values, "email").trim())}
        onDone={() => say("We sent a link to the new address.")}
      >
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="New address" name="email" type="email" autoComplete="email" required />
          <Field
            label="Your password"
            name="password"
            type="password"
            autoComplete="current-password"
            required
          />
        </div>
      </Form>
    </Card>
  );
}
