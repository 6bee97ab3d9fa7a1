import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";

import type { Session } from "@/api/model";
import { problemOf } from "@/api/problem";
import { downloadSession, type ExportFormat } from "@/features/sessions/api";
import { useChangeSession, useDeleteSession } from "@/features/sessions/queries";
import { sessionTitle } from "@/features/sessions/title";
import { cx } from "@/ui/classes";
import { Confirm, Dialog, DialogBody } from "@/ui/dialog";
import { Field } from "@/ui/field";
import { Form, textIn } from "@/ui/form";
import { ArchiveIcon, DownloadIcon, MoreIcon, PencilIcon, PinIcon, TrashIcon } from "@/ui/icons";
import { Menu, type MenuItem } from "@/ui/menu";
import { say } from "@/ui/toast";

export interface SessionMenuProps {
  readonly session: Session;
  /** Without it the button shows when the row is pointed at or focused. */
  readonly isShown?: boolean;
}

/** What one can do with a conversation. */
export function SessionMenu({ session, isShown }: SessionMenuProps) {
  const [asks, setAsks] = useState<"rename" | "delete" | null>(null);
  const changing = useChangeSession();
  const name = sessionTitle(session);
  const icon = "size-4 text-ink-soft";

  function exportAs(format: ExportFormat) {
    downloadSession(session, format).catch((error) => say(problemOf(error).message, "bad"));
  }

  const items: MenuItem[] = [
    {
      label: session.is_pinned ? "Unpin" : "Pin",
      icon: <PinIcon className={icon} />,
      onSelect: () => changing.mutate({ id: session.id, change: { is_pinned: !session.is_pinned } }),
    },
    {
      label: "Rename",
      icon: <PencilIcon className={icon} />,
      onSelect: () => setAsks("rename"),
    },
    {
      label: session.is_archived ? "Unarchive" : "Archive",
      icon: <ArchiveIcon className={icon} />,
      onSelect: () =>
        changing.mutate(
          { id: session.id, change: { is_archived: !session.is_archived } },
          { onSuccess: () => say(session.is_archived ? "Back among the others." : "Archived.") },
        ),
    },
    {
      label: "Export as Markdown",
      icon: <DownloadIcon className={icon} />,
      onSelect: () => exportAs("markdown"),
    },
    {
      label: "Export as JSON Lines",
      icon: <DownloadIcon className={icon} />,
      onSelect: () => exportAs("jsonl"),
    },
    {
      label: "Delete",
      icon: <TrashIcon className="size-4" />,
      isDangerous: true,
      onSelect: () => setAsks("delete"),
    },
  ];

  return (
    <>
      <Menu
        label={`Options for ${name}`}
        align="end"
        items={items}
        button={<MoreIcon />}
        buttonClassName={cx(
          "inline-flex size-8 items-center justify-center rounded-lg text-ink-soft hover:bg-hover hover:text-ink",
          !isShown &&
            "opacity-0 group-focus-within/row:opacity-100 group-hover/row:opacity-100 focus-visible:opacity-100 aria-expanded:opacity-100 pointer-coarse:opacity-100",
        )}
      />
      {asks === "rename" && <Rename session={session} onClose={() => setAsks(null)} />}
      {asks === "delete" && <Delete session={session} onClose={() => setAsks(null)} />}
    </>
  );
}

interface AskProps {
  readonly session: Session;
  readonly onClose: () => void;
}

function Rename({ session, onClose }: AskProps) {
  const changing = useChangeSession();
  return (
    <Dialog title="Rename the conversation" onClose={onClose}>
      <DialogBody>
        <Form
          action="Rename"
          onSend={(values) =>
            changing.mutateAsync({ id: session.id, change: { title: textIn(values, "title").trim() } })
          }
          onDone={onClose}
        >
          <Field
            label="Title"
            name="title"
            defaultValue={session.title}
            required
            maxLength={200}
            autoFocus
          />
        </Form>
      </DialogBody>
    </Dialog>
  );
}

function Delete({ session, onClose }: AskProps) {
  const deleting = useDeleteSession();
  const navigate = useNavigate();
  const open = useParams({ strict: false }).sessionId;
  return (
    <Confirm
      title="Delete this conversation?"
      action="Delete"
      isBusy={deleting.isPending}
      onClose={onClose}
      onConfirm={() =>
        deleting.mutate(session.id, {
          onSuccess: async () => {
            onClose();
            say("Deleted.");
            if (open === session.id) {
              await navigate({ to: "/" });
            }
          },
          onError: (error) => say(problemOf(error).message, "bad"),
        })
      }
    >
      “{sessionTitle(session)}” and what was said in it are destroyed, for good. What was remembered
      from it goes too.
    </Confirm>
  );
}
