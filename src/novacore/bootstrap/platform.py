"""The server's parts, put together: accounts, metering, chat, models and mail over one journal."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Final

from novacore import billing, database, identity, journal, kit, llm, mail, memory, settings
from novacore import chat as room
from novacore.bootstrap.business import KEYS_FOLDER, business_place
from novacore.bootstrap.calling import ModelCalls, open_model_calls
from novacore.bootstrap.chatting import eraser, learner
from novacore.bootstrap.library import MemoryStore, open_store
from novacore.bootstrap.memory_process import MemoryProcess

OUTBOX_FOLDER: Final = "outbox"
"""The folder of letters where no mail server is set."""
SPOOL_FOLDER: Final = "spool"
"""The folder of usage that the journal could not take yet."""
FOLDERS: Final = (identity.MIGRATIONS, billing.FOLDER, room.FOLDER)
"""The migrations of the rooms that have tables."""
_THREADS: Final = 16
"""For what turns wait for: reads, and commits that they share."""


class Platform:
    """Everything that a server's routes and workers use. Made by `open_platform`."""

    def __init__(
        self,
        chosen: settings.Settings,
        *,
        opened: database.Database,
        store: MemoryStore,
        announce: Callable[[str], None],
        clock: kit.Clock,
    ) -> None:
        self.chosen = chosen
        """The settings."""
        self.clock = clock
        """The time."""
        self.database = opened
        """Accounts, usage and chat metadata."""
        self.store = store
        """The journal with what is around it; `store_of` gives one account's view."""
        url = chosen.server.base_url
        self.identity = identity.Identity(
            opened,
            config=chosen.identity,
            clock=clock,
            vault=identity.open_vault(chosen.data_dir / KEYS_FOLDER),
            public_url=url,
            is_public=is_public(chosen.server),
        )
        """Accounts, sign-ins, keys, agents."""
        self.billing = billing.Billing(opened, config=chosen.billing, clock=clock)
        """Plans, holds, the ledger."""
        self.mailer = mail.Mailer(
            chosen.mail,
            folder=chosen.data_dir / OUTBOX_FOLDER,
            clock=clock,
            home=url,
            announce=announce,
        )
        """Delivers letters."""
        self.metering = room.open_metering(
            store, ledger=self.billing, folder=chosen.data_dir / SPOOL_FOLDER, clock=clock
        )
        """Counts every model call."""
        self.policy: room.Policy = room.PermissivePolicy()
        """The rules over what goes in and out."""
        self._in_threads = room.InThreads(
            self.store_of, learn=learner(self.store_of, config=chosen.memory)
        )
        self.memory_process: MemoryProcess | None = None
        """Remembers for turns; None: threads of this process do."""
        self._models: ModelCalls | None = None
        self._chat: room.Chat | None = None

    @property
    def catalog(self) -> llm.Catalog:
        """The models by name; there once the platform was started."""
        return self._started.catalog

    @property
    def calls(self) -> room.Calls:
        """Makes calls of models for `/v1`; there once the platform was started."""
        return self._started.calls

    @property
    def chat(self) -> room.Chat:
        """Conversations, turns and their streams; there once the platform was started."""
        assert self._chat is not None, "the platform was not started"
        return self._chat

    @property
    def embeddings(self) -> room.Embeddings:
        """Makes vectors for accounts; there once the platform was started."""
        return self._started.embeddings

    @property
    def _started(self) -> ModelCalls:
        assert self._models is not None, "the platform was not started"
        return self._models

    def store_of(self, account_id: str) -> MemoryStore:
        """One account's sessions and memories; don't close it."""
        return self.store.for_owner(room.scope_of(account_id))

    def _open_chat(self, catalog: llm.Catalog) -> room.Chat:
        chosen = self.chosen
        return room.open_chat(
            self.store,
            config=chosen.chat,
            agent_config=chosen.agent,
            store_of=self.store_of,
            db=self.database,
            metering=self.metering,
            ledger=self.billing,
            catalog=catalog,
            policy=self.policy,
            streams=room.open_streams(
                chosen.chat, data_dir=chosen.data_dir, shared_url=chosen.server.shared_url
            ),
            erase=eraser(self.store_of),
            remembering=self.memory_process or self._in_threads,
            data_dir=chosen.data_dir,
            clock=self.clock,
        )

    def _open_named(self, account_id: str, name_or_id: str) -> journal.Session:
        # The chat is made after the models, with which it answers.
        return self.chat.sessions.open_named(account_id, name_or_id)

    async def start(self) -> None:
        """Begin what runs beside the requests: metering takes up what an earlier process left."""
        # Most threads wait for a commit that others share: with the usual few, turns would wait
        # for a thread instead. The loop ends them when it is closed.
        asyncio.get_running_loop().set_default_executor(
            futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="nova-turns")
        )
        if self.memory_process is not None:
            await self.memory_process.start()
        self._models = await open_model_calls(
            self.chosen,
            store=self.store,
            remembering=self.memory_process or self._in_threads,
            open_session=self._open_named,
            metering=self.metering,
            ledger=self.billing,
            policy=self.policy,
            clock=self.clock,
        )
        self._chat = self._open_chat(self._models.catalog)
        await self._chat.start()
        self.metering.start()

    def remember_apart(self) -> None:
        """Let turns be remembered in a process of its own, unless `chat.memory_process` is off.

        Before `start`. Without that process, what the first answers would wait for is loaded here,
        in the background; failing is no error.
        """
        if self.chosen.chat.memory_process:
            self.memory_process = MemoryProcess(
                self.chosen, spare=self._in_threads, clock=self.clock
            )
        else:
            threading.Thread(target=self._load_ahead, name="load ahead", daemon=True).start()

    def _load_ahead(self) -> None:
        with contextlib.suppress(kit.NovaError):  # whoever asks first meets it, and is told
            memory.load_ahead(
                self.store.embedder, config=self.chosen.memory, recall=self.chosen.recall
            )

    async def stop(self) -> None:
        """End what runs beside the requests, and settle what was appended."""
        if self._chat is not None:
            await self._chat.stop()
        if self.memory_process is not None:
            await self.memory_process.stop()
        if self._models is not None:
            await self._models.catalog.close()
        await self.metering.close()

    def close(self) -> None:
        """Release everything; `stop` comes first."""
        if self.memory_process is not None:
            self.memory_process.close()
        self._release()

    def _release(self) -> None:
        with contextlib.ExitStack() as closing:
            closing.callback(self.database.close)
            closing.callback(self.store.close)
            closing.callback(self.billing.close)
            closing.callback(self.identity.close)


def open_platform(
    chosen: settings.Settings,
    *,
    announce: Callable[[str], None],
    before_upgrade: Callable[[], None] | None = None,
    clock: kit.Clock | None = None,
) -> Platform:
    """Everything that a server needs, opened; nothing runs yet.

    Args:
        chosen: the settings.
        announce: told a line for the console for each letter that is kept in the outbox.
        before_upgrade: called before an older database is changed, to back it up.
        clock: the time, for tests; None: the machine's.

    Raises:
        SettingsError: the data directory can't be made, or sessions are kept as JSON files.
        JournalError: it can't hold a journal, or what it holds is damaged.
        DatabaseError: the business database can't be opened, or a newer release wrote it.
    """
    if chosen.store != "journal":
        raise settings.SettingsError(
            "The server keeps its sessions in the journal; store is set to json.",
            hint='Set store = "journal", or use another data directory.',
        )
    time = clock or kit.SystemClock()
    with contextlib.ExitStack() as undoing:
        store = undoing.enter_context(open_store(chosen))
        opened = open_database(chosen, clock=clock, before_upgrade=before_upgrade)
        undoing.callback(opened.close)
        platform = Platform(chosen, opened=opened, store=store, announce=announce, clock=time)
        undoing.pop_all()
    return platform


def open_database(
    chosen: settings.Settings,
    *,
    clock: kit.Clock | None = None,
    before_upgrade: Callable[[], None] | None = None,
) -> database.Database:
    """The business database in its newest form: a file of the data directory, or PostgreSQL.

    Raises:
        DatabaseError: it can't be opened, or a newer release wrote it.
    """
    opened = database.Database(business_place(chosen), config=chosen.database, clock=clock)
    try:
        database.upgrade(opened, FOLDERS, before_change=before_upgrade or _refuse_unsaved)
    except BaseException:
        opened.close()
        raise
    return opened


def _refuse_unsaved() -> None:
    """Whoever has no way to back older accounts up does not change them."""
    raise database.DatabaseUnusable(
        "An older release made these accounts, and they are backed up before they change.",
        hint="Start `nova serve` or `nova work` once, which does so; then try again.",
    )


def is_public(server: settings.ServerConfig) -> bool:
    """Whether others than this machine can reach the server, itself or through a proxy."""
    return not server.is_loopback or bool(server.public_url or server.trusted_proxies)
