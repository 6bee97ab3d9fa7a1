import { useState } from "react";

import { access } from "@/api/client";
import { deleteAccount } from "@/features/settings/api";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Dialog, DialogBody } from "@/ui/dialog";
import { Field } from "@/ui/field";
import { Form, textIn } from "@/ui/form";
import { say } from "@/ui/toast";

/** The way out: everything of the account is destroyed. */
export function DeleteAccount() {
  const [isAsking, setIsAsking] = useState(false);
  return (
    <Card
      title="Delete the account"
      description="Your conversations, what is remembered of you, your keys and your settings are destroyed. This can’t be undone."
      action={
        <Button look="danger" onClick={() => setIsAsking(true)}>
          Delete my account
        </Button>
      }
    >
      {isAsking && (
        <Dialog title="Delete your account for good?" onClose={() => setIsAsking(false)}>
          <DialogBody>
            <p className="text-ink-soft">
              Export the conversations that you want to keep first. To go on, enter your password.
            </p>
            <Form
              action="Delete everything"
              isDangerous
              onSend={(values) => deleteAccount(textIn(values, "password"))}
              onDone={() => {
                access.signOut();
                say("Your account is deleted. Farewell.");
              }}
            >
              <Field
                label="Password"
                name="password"
                type="password"
                autoComplete="current-password"
                required
                autoFocus
              />
            </Form>
          </DialogBody>
        </Dialog>
      )}
    </Card>
  );
}
