"""A store as records: what backups and copies read from a journal in use."""

from collections.abc import Iterator

from novacore import journal
from novacore.ops.records import Blob, Record

_PAGE_BYTES = 16 * 1024 * 1024
_PAGE_ENTRIES_MIN, _PAGE_ENTRIES_MAX = 64, 10_000


def read_entries(source: journal.Replica, *, after: int, until: int) -> Iterator[bytes]:
    """The stored entries with a sequence above `after`, up to `until`, in order.

    Pages hold about as many bytes each, whatever the size of an entry.
    """
    limit = _PAGE_ENTRIES_MIN
    while after < until:
        page = source.read(after, min(limit, until - after))
        if not page:
            return
        for stored in page:
            after = journal.place_of(stored).sequence
            if after > until:
                return
            yield stored
        each = max(1, sum(map(len, page)) // len(page))
        limit = min(max(_PAGE_BYTES // each, _PAGE_ENTRIES_MIN), _PAGE_ENTRIES_MAX)


def read_journal(source: journal.Replica, *, after: int, until: int) -> Iterator[Record]:
    """Its sessions, then the entries after `after` up to `until`, each after the blobs it names."""
    rows = source.sessions()
    yield from rows
    scopes = {row.id: (row.tenant, row.owner) for row in rows}
    for stored in read_entries(source, after=after, until=until):
        scope = scopes[journal.place_of(stored).session]
        try:
            for digest in journal.blobs_named(stored):
                yield Blob(*scope, digest, source.read_blob(scope, digest))
        except journal.EntryErased:
            yield source.read(journal.place_of(stored).sequence - 1, 1)[0]
        else:
            yield stored
