"""Metering over a journal, put together."""

from pathlib import Path

from novacore import kit
from novacore.chat.closing import Closer
from novacore.chat.ledger import Ledger
from novacore.chat.metering import Metering
from novacore.chat.spool import Spool
from novacore.chat.usage_feed import UsageFeed
from novacore.chat.usage_sessions import Stores, UsageSessions


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
