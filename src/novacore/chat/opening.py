"""Metering and chat over a journal, put together."""

from pathlib import Path
from typing import Final

from novacore import agent, billing, database, kit, llm
from novacore.chat.closing import Closer
from novacore.chat.config import Config
from novacore.chat.ledger import Ledger
from novacore.chat.metering import Metering
from novacore.chat.policy import Policy
from novacore.chat.remembering import Remembering
from novacore.chat.service import Chat
from novacore.chat.session_rows import SessionRows
from novacore.chat.sessions import Erase, Sessions, StoreOf
from novacore.chat.spool import Spool
from novacore.chat.streams.folder import FolderMirror
from novacore.chat.streams.log import StreamLog
from novacore.chat.streams.redis import RedisMirror
from novacore.chat.usage_feed import UsageFeed
from novacore.chat.usage_sessions import Stores, UsageSessions

STREAMS_FOLDER: Final = "streams"
"""The folder of stream logs in the data directory."""
WORKSPACES_FOLDER: Final = "workspaces"
"""The folder of the folders that each account's tools may work in."""


def open_metering(store: Stores, *, ledger: Ledger, folder: Path, clock: kit.Clock) -> Metering:
    """Metering for all accounts of a journal. Starts nothing; see `Metering.start`.

    Args:
        store: the journal.
        ledger: `billing.Billing`.
        folder: where usage waits that the journal could not take.
        clock: the time.
    """
    feed = UsageFeed(store.feed(), ledger=ledger)
    sessions = UsageSessions(store)
    spool = Spool(folder)
    closer = Closer(ledger=ledger, feed=feed, sessions=sessions, spool=spool)
    return Metering(
        sessions=sessions, ledger=ledger, feed=feed, closer=closer, spool=spool, clock=clock
    )


def open_streams(config: Config, *, data_dir: Path, shared_url: str) -> StreamLog:
    """The logs of streams: of all workers of one machine, or of those that share a server.

    Args:
        config: how long and how large they are.
        data_dir: where the folder of logs is.
        shared_url: a server of the Redis protocol; empty: the folder.
    """
    keep_s = config.stream_minutes * 60
    mirror = (
        RedisMirror(shared_url, keep_s=keep_s)
        if shared_url
        else FolderMirror(data_dir / STREAMS_FOLDER, keep_s=keep_s)
    )
    return StreamLog(mirror, bytes_max=config.stream_bytes_max)


def open_chat(
    store: Stores,
    *,
    config: Config,
    agent_config: agent.Config,
    store_of: StoreOf,
    db: database.Database,
    metering: Metering,
    ledger: billing.Billing,
    catalog: llm.Catalog,
    policy: Policy,
    streams: StreamLog,
    erase: Erase,
    remembering: Remembering,
    data_dir: Path,
    clock: kit.Clock,
) -> Chat:
    """Chat for all accounts. Starts nothing; see `Chat.start`.

    Args:
        store: the journal.
        config: limits.
        agent_config: the agent's limits.
        store_of: one account's sessions and recall.
        db: with chat's tables in it.
        metering: counts every call.
        ledger: knows plans, and keeps replies.
        catalog: the models.
        policy: reviews what goes in and out.
        streams: the streams' logs.
        erase: destroys entries of an account's session everywhere.
        remembering: finds what was said earlier, and learns from answers.
        data_dir: where the folders of accounts are made.
        clock: the time.
    """
    rows = SessionRows(db)
    sessions = Sessions(
        store_of=store_of, rows=rows, erase=erase, settle=metering.feed.drain, clock=clock
    )
    return Chat(
        config=config,
        agent_config=agent_config,
        remembering=remembering,
        feed=store.feed(),
        rows=rows,
        sessions=sessions,
        usage_sessions=UsageSessions(store),
        metering=metering,
        ledger=ledger,
        catalog=catalog,
        policy=policy,
        streams=streams,
        folder=data_dir / WORKSPACES_FOLDER,
        clock=clock,
    )
