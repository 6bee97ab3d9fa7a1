"""The usage feed: the only writer of the ledger. It carries usage entries from journal to billing.

One thread, woken after appends, reads the journal from billing's own watermark and settles in
batches. What it settles twice changes nothing, so it may begin anew at any time; a journal of
another epoch is read from its start.
"""

import dataclasses
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from novacore import billing, journal, kit
from novacore.chat.ledger import Ledger
from novacore.chat.usage import USAGE, read_usage

_BATCH_ENTRIES: Final = 1_000
_OWNERS_MAX: Final = 10_000
_IDLE_S: Final = 5.0
_RETRY_S: Final = 1.0
_GATHER_S: Final = 0.05
_MARK_ENTRIES: Final = 20_000
"""After so many entries without usage the watermark is written all the same."""

Observer = Callable[[Sequence[journal.Entry]], None]


_log = logging.getLogger(__name__)


class UsageFeed:
    """Settles what is appended. Safe between threads.

    Args:
        feed: the journal's, of all accounts.
        ledger: billing.
    """

    def __init__(self, feed: journal.Feed, *, ledger: Ledger) -> None:
        self._feed = feed
        self._ledger = ledger
        self.observer: Observer | None = None
        """Told of every entry, in order, before the ledger moves on; what it is told twice must
        change nothing."""
        self._turn = threading.Lock()
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._reader = UsageReader(feed)
        self._place: billing.Watermark | None = None
        self._unmarked = 0
        self.problem = ""
        """What went wrong last, in words; empty where the last round went well."""

    def start(self) -> None:
        """Begin to settle in the background. Idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="usage feed", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something was appended."""
        self._woken.set()

    def drain(self, *, is_urgent: bool = True) -> int:
        """Settle everything up to the journal's head as it is now; returns how many usages.

        Args:
            is_urgent: somebody waits; False: it may share a commit with the next admission.

        Raises:
            NovaError: billing or the journal can't be reached.
        """
        count = 0
        with self._turn:
            state = self._feed.state()
            place = self._begin(state)
            while place.sequence < state.sequence:
                place, settled = self._step(place, is_urgent=is_urgent)
                count += settled
        return count

    def lag(self) -> int:
        """How many entries of the journal have not been looked at."""
        state = self._feed.state()
        place = self._place
        is_same = place is not None and (place.journal, place.epoch) == (state.journal, state.epoch)
        return state.sequence - (place.sequence if place is not None and is_same else 0)

    def close(self) -> None:
        """Settle what is there, and end the thread. Idempotent."""
        self._is_closed = True
        self._closing.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while True:
            if self._woken.wait(_IDLE_S) and not self._is_closed:
                # What ends meanwhile is read and settled with it, at the cost of one.
                self._closing.wait(_GATHER_S)
            is_last = self._is_closed
            self._woken.clear()
            try:
                self.drain(is_urgent=is_last)
                self.problem = ""
            except journal.StoreClosed:
                return
            except Exception as error:  # noqa: BLE001 - the edge of the thread: everybody's metering
                # It stays visible in the status, and is tried again: nothing is skipped.
                _log.exception("usage could not be settled")
                is_told = isinstance(error, kit.NovaError)
                self.problem = str(error) if is_told else f"{type(error).__name__}: {error}"
                if not is_last:
                    self._woken.wait(_RETRY_S)
            if is_last:
                return

    def _begin(self, state: journal.FeedState) -> billing.Watermark:
        """Where to read on: this process's place, else billing's, else the start."""
        start = billing.Watermark(journal=state.journal, epoch=state.epoch, sequence=0)
        if self._place is None or not _is_same_journal(self._place, start):
            marked = self._ledger.watermark()
            is_known = marked is not None and _is_same_journal(marked, start)
            self._place = marked if marked is not None and is_known else start
            self._unmarked = 0
        # A watermark ahead of the head is of a journal that was cut back: read it all.
        if self._place.sequence > state.sequence:
            self._place = start
        return self._place

    def _step(self, place: billing.Watermark, *, is_urgent: bool) -> tuple[billing.Watermark, int]:
        entries, usages, upto = self._reader.read(place.sequence)
        if self.observer is not None and entries:
            self.observer(entries)
        if upto == place.sequence:
            # Nothing above it, though the head is: what stood there is gone.
            upto = max(upto, self._feed.state().sequence)
        after = dataclasses.replace(place, sequence=upto)
        self._unmarked += upto - place.sequence
        if usages or self._unmarked >= _MARK_ENTRIES:
            self._ledger.settle(usages, watermark=after, is_urgent=is_urgent)
            self._unmarked = 0
        self._place = after
        return after, len(usages)


def _is_same_journal(one: billing.Watermark, other: billing.Watermark) -> bool:
    return (one.journal, one.epoch) == (other.journal, other.epoch)


class UsageReader:
    """Reads the usage entries of a journal, every account's. Not for several threads at once."""

    def __init__(self, feed: journal.Feed) -> None:
        self._feed = feed
        self._owners: OrderedDict[str, str] = OrderedDict()

    def read(self, after: int) -> tuple[list[journal.Entry], list[billing.Usage], int]:
        """The next entries, the usages among them, and the sequence that was read up to.

        A damaged entry is passed by: `nova verify` names it, and the others must count all the
        same. Where there is nothing above `after`, that is what is given back.
        """
        try:
            entries = self._feed.read(after, _BATCH_ENTRIES)
        except journal.Corrupt as error:
            if error.sequence is None:
                raise
            entries = self._before_damage(after)
            if not entries:
                return [], [], error.sequence
        upto = entries[-1].sequence if entries else after
        usages = [found for each in entries if (found := self._usage(each)) is not None]
        return entries, usages, upto

    def _before_damage(self, after: int) -> list[journal.Entry]:
        found: list[journal.Entry] = []
        try:
            while len(found) < _BATCH_ENTRIES:
                found += self._feed.read(found[-1].sequence if found else after, 1)
        except journal.Corrupt:
            return found
        return found

    def _usage(self, entry: journal.Entry) -> billing.Usage | None:
        if entry.kind != USAGE or entry.is_erased:
            return None
        return read_usage(entry, owner=self._owner(entry.session_id))

    def _owner(self, session_id: str) -> str:
        known = self._owners.get(session_id)
        if known is None:
            found = self._feed.find_session(session_id)
            known = "" if found is None else found.scope.owner
            self._owners[session_id] = known
            while len(self._owners) > _OWNERS_MAX:
                self._owners.popitem(last=False)
        return known


def read_usages(feed: journal.Feed) -> Iterator[billing.Usage]:
    """Every usage entry of the journal, in order: all that the ledger can be rebuilt from."""
    reader = UsageReader(feed)
    head = feed.state().sequence
    after = 0
    while after < head:
        _entries, usages, upto = reader.read(after)
        yield from usages
        if upto == after:
            return
        after = upto
