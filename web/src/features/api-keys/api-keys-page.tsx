import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import type { ApiKey, NewApiKey } from "@/api/model";
import { problemOf } from "@/api/problem";
import { apiKeysQuery, createApiKey, revokeApiKey } from "@/features/api-keys/api";
import { modelsQuery } from "@/features/chat/models";
import { Button } from "@/ui/button";
import { Card, Page } from "@/ui/card";
import { Confirm, Dialog, DialogActions, DialogBody } from "@/ui/dialog";
import { useCopy } from "@/ui/copy";
import { useDocumentTitle } from "@/ui/document-title";
import { Field, INPUT_CLASS } from "@/ui/field";
import { Form, textIn } from "@/ui/form";
import { ago, date } from "@/ui/format";
import { CheckIcon, CopyIcon, KeyIcon, PlusIcon } from "@/ui/icons";
import { Empty, Failure, LoadingLines, Note } from "@/ui/states";
import { say } from "@/ui/toast";

export function ApiKeysPage() {
  useDocumentTitle("API keys");
  const keys = useQuery(apiKeysQuery);
  const model = useQuery(modelsQuery).data?.[0]?.id ?? "default";
  const [isAsking, setIsAsking] = useState(false);
  const [made, setMade] = useState<NewApiKey | null>(null);
  const create = (
    <Button look="primary" onClick={() => setIsAsking(true)}>
      <PlusIcon className="size-4" />
      New key
    </Button>
  );
  return (
    <Page
      title="API keys"
      description="For programs that speak with OpenAI or Anthropic clients: this server’s address, one of these keys."
      action={create}
    >
      <Card>
        {keys.isPending && <LoadingLines label="Loading your keys" />}
        {keys.isError && <Failure error={keys.error} onRetry={() => keys.refetch()} />}
        {keys.data?.length === 0 && (
          <Empty icon={<KeyIcon className="size-8" />} title="No keys yet">
            Make one to use this server from your own programs.
          </Empty>
        )}
        {keys.data && keys.data.length > 0 && (
          <ul className="divide-y divide-line">
            {keys.data.map((key) => (
              <KeyRow key={key.id} apiKey={key} />
            ))}
          </ul>
        )}
      </Card>
      <Card title="How to use it">
        <pre
          tabIndex={0}
          role="region"
          aria-label="Example in Python"
          className="overflow-x-auto rounded-xl bg-surface px-4 py-3.5 font-mono text-[0.8125rem] leading-6 ring-1 ring-line"
        >
          {exampleFor(window.location.origin, model)}
        </pre>
      </Card>
      {isAsking && (
        <NewKey
          onClose={() => setIsAsking(false)}
          onMade={(key) => {
            setIsAsking(false);
            setMade(key);
          }}
        />
      )}
      {made && <ShownOnce made={made} onClose={() => setMade(null)} />}
    </Page>
  );
}

function exampleFor(origin: string, model: string): string {
  return `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="nova_…")
answer = client.chat.completions.create(
    model="${model}", messages=[{"role": "user", "content": "Hello"}]
)
print(answer.choices[0].message.content)`;
}

function KeyRow({ apiKey }: { apiKey: ApiKey }) {
  const [isAsking, setIsAsking] = useState(false);
  const client = useQueryClient();
  const revoking = useMutation({
    mutationFn: () => revokeApiKey(apiKey.id),
    onSuccess: () => {
      say("The key is revoked.");
      return client.invalidateQueries({ queryKey: apiKeysQuery.queryKey });
    },
    onError: (error) => say(problemOf(error).message, "bad"),
  });
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 py-4 first:pt-0 last:pb-0">
      <div className="min-w-0 grow space-y-0.5">
        <p className="truncate font-medium">{apiKey.name}</p>
        <p className="text-sm text-ink-soft">
          <code className="font-mono text-[0.8125rem]">{apiKey.prefix}…</code>
          {" · "}made {date(apiKey.created_at_us)}
          {" · "}
          {apiKey.last_used_at_us ? `used ${ago(apiKey.last_used_at_us)}` : "never used"}
          {apiKey.expires_at_us && ` · ends ${date(apiKey.expires_at_us)}`}
        </p>
      </div>
      <Button isSmall onClick={() => setIsAsking(true)} aria-label={`Revoke ${apiKey.name}`}>
        Revoke
      </Button>
      {isAsking && (
        <Confirm
          title="Revoke this key?"
          action="Revoke"
          isBusy={revoking.isPending}
          onClose={() => setIsAsking(false)}
          onConfirm={() => revoking.mutate(undefined, { onSettled: () => setIsAsking(false) })}
        >
          Whatever uses “{apiKey.name}” is refused from now on. A revoked key can’t be brought back.
        </Confirm>
      )}
    </li>
  );
}

interface NewKeyProps {
  readonly onClose: () => void;
  readonly onMade: (key: NewApiKey) => void;
}

const LIFETIMES = [
  ["", "No end"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "One year"],
] as const;

function NewKey({ onClose, onMade }: NewKeyProps) {
  const client = useQueryClient();
  return (
    <Dialog title="New API key" onClose={onClose}>
      <DialogBody>
        <Form
          action="Make the key"
          onSend={(values) => {
            const days = Number(textIn(values, "days"));
            return createApiKey(textIn(values, "name").trim(), days || null);
          }}
          onDone={(key) => {
            void client.invalidateQueries({ queryKey: apiKeysQuery.queryKey });
            onMade(key);
          }}
        >
          <Field
            label="Name"
            name="name"
            required
            maxLength={100}
            autoFocus
            autoComplete="off"
            hint="What will use it, so that you know it again."
          />
          <div className="space-y-1.5">
            <label htmlFor="key-days" className="block text-sm font-medium">
              Works for
            </label>
            <select id="key-days" name="days" defaultValue="90" className={INPUT_CLASS}>
              {LIFETIMES.map(([days, name]) => (
                <option key={days} value={days}>
                  {name}
                </option>
              ))}
            </select>
          </div>
        </Form>
      </DialogBody>
    </Dialog>
  );
}

function ShownOnce({ made, onClose }: { made: NewApiKey; onClose: () => void }) {
  const { isCopied, copy } = useCopy();
  return (
    <Dialog title="Your new key" onClose={onClose}>
      <DialogBody>
        <Note kind="warn">
          It is shown this once. Copy it to where it is needed; we keep only its fingerprint.
        </Note>
        <div className="flex gap-2">
          <input
            readOnly
            aria-label="API key"
            value={made.key}
            onFocus={(event) => event.target.select()}
            className={`${INPUT_CLASS} font-mono text-sm`}
          />
          <Button look="primary" className="h-11" onClick={() => copy(made.key)} autoFocus>
            {isCopied ? <CheckIcon className="size-4" /> : <CopyIcon className="size-4" />}
            {isCopied ? "Copied" : "Copy"}
          </Button>
        </div>
        <DialogActions>
          <Button onClick={onClose}>Done</Button>
        </DialogActions>
      </DialogBody>
    </Dialog>
  );
}
