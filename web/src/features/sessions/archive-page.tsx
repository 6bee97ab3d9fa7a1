import { SessionList } from "@/features/sessions/session-list";
import { Card, Page } from "@/ui/card";
import { useDocumentTitle } from "@/ui/document-title";

export function ArchivePage() {
  useDocumentTitle("Archive");
  return (
    <Page title="Archive" description="Out of the way, not gone: still found and remembered.">
      <Card>
        <SessionList filter={{ query: "", isArchived: true }} />
      </Card>
    </Page>
  );
}
