"""How much each account stores: the bytes of what it said and was told, counted from the journal.

Counted anew each time, so that what was erased is gone from the sum by itself. An entry counts
once, where it was appended: a fork costs what is said in it.
"""

from collections import defaultdict
from typing import Any, Final

import msgspec

from novacore import journal

_BATCH: Final = 1_000


def measure_storage(feed: journal.Feed) -> dict[str, int]:
    """Bytes by owner, of everything that stands in the journal now.

    Cost: reads the whole journal.
    """
    sizes: dict[str, int] = defaultdict(int)
    head = feed.state().sequence
    after = 0
    while after < head:
        try:
            entries = feed.read(after, _BATCH)
        except journal.Corrupt as error:
            # `nova verify` names it; the others are counted all the same.
            if error.sequence is None:
                raise
            after = error.sequence
            continue
        if not entries:
            break
        for entry in entries:
            if not entry.is_erased:
                sizes[entry.session_id] += _size_of(entry.body.fields)
        after = entries[-1].sequence
    return _by_owner(feed, sizes)


def _by_owner(feed: journal.Feed, sizes: dict[str, int]) -> dict[str, int]:
    owners: dict[str, int] = defaultdict(int)
    for owned in feed.list_sessions():
        if owned.info.id in sizes:
            owners[owned.scope.owner] += sizes[owned.info.id]
    return dict(owners)


def _size_of(fields: Any) -> int:
    try:
        return len(msgspec.json.encode(fields))
    except (TypeError, ValueError, OverflowError):
        # What only our own format can hold, as whole numbers of any size.
        return len(repr(fields).encode("utf-8", "surrogatepass"))
