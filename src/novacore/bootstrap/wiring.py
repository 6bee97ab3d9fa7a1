"""Which implementation serves which setting."""

from novacore import agent, journal, kit, llm, settings
from novacore.bootstrap.remembering import RememberingNoteBook
from novacore.bootstrap.remembering_store import RememberingStore


async def open_model(chosen: settings.Settings) -> llm.Model:
    """The model that the settings name, or that is found. Connects to nothing but a local Ollama.

    Raises:
        LLMError: the chosen provider has no key, or Ollama was chosen and does not answer.
    """
    choice = await llm.detect(chosen.llm, chosen.vendor_keys)
    return llm.open_model(choice, data_dir=chosen.data_dir)


def open_agent(
    chosen: settings.Settings,
    *,
    model: llm.Model,
    store: journal.Store,
    session: journal.Session,
    ask: agent.Ask | None = None,
) -> agent.Agent:
    """An agent with the standard tools over one session, and the notes of its workspace.

    Args:
        chosen: the settings.
        model: who answers; the caller closes it.
        store: where the workspace's notes are.
        session: where everything said is kept.
        ask: asks a person about a call; None: nobody can be asked, such calls are refused.

    Raises:
        SettingsError: the workspace is no folder.
        RuleInvalid: a permission rule of the settings can't be read.
        ToolUnusable: two tools have one name.
    """
    if not chosen.workspace.is_dir():
        raise settings.SettingsError(
            f"The workspace {chosen.workspace} is no folder.",
            hint="Name one that is there with --workspace.",
        )
    permissions = agent.permissions_from(chosen.agent)
    workspace = str(chosen.workspace)
    notebook: agent.NoteBook = agent.JournalNoteBook(store, workspace=workspace)
    if isinstance(store, RememberingStore):
        notebook = RememberingNoteBook(notebook, memories=store.memories, workspace=workspace)
    return agent.Agent(
        model=model,
        session=session,
        toolbox=agent.standard_tools(
            chosen.workspace,
            session=session,
            permissions=permissions,
            config=chosen.agent,
            notebook=notebook,
            recaller=_Recaller(store) if isinstance(store, RememberingStore) else None,
        ),
        permissions=permissions,
        config=chosen.agent,
        clock=kit.SystemClock(),
        workspace=chosen.workspace,
        ask=ask,
        notebook=notebook,
    )


class _Recaller:
    """The memory's recall, as the agent's tool asks it."""

    def __init__(self, store: RememberingStore) -> None:
        self._store = store

    def recall(self, text: str, *, limit: int) -> list[agent.Recalled]:
        """See `agent.Recaller`."""
        return [
            agent.Recalled(
                text=hit.text,
                speaker=hit.speaker or "someone",
                session=hit.session.name,
                said_at_us=hit.said_at_us,
            )
            for hit in self._store.recall(text, limit=limit)
        ]
