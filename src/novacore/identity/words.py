"""By what administrators find people: where a word of an address or a name begins.

A word stands with all that follows it, so that the beginning of a search is the beginning of an
entry, and an index finds it. Bytes, because every database orders those alike.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite

from novacore.identity import addresses
from novacore.identity.tables import ACCOUNT, WORD

CHARS_MAX: Final = 64
"""What is longer is found by its beginning."""
_WORDS_MAX: Final = 16
"""Of an address, and of a name."""
_START: Final = re.compile(r"(?<![^\W_])[^\W_]")


def words_of(*, email: str, name: str) -> list[bytes]:
    """What an account is found by, each once."""
    found = {each for text in (email, name) for each in _beginnings(text)}
    return sorted(each.encode("utf-8", "replace") for each in found)


def _beginnings(text: str) -> Iterator[str]:
    key = addresses.key_of(text)
    if key:
        yield key[:CHARS_MAX]
    for number, start in enumerate(_START.finditer(key)):
        if number >= _WORDS_MAX:
            return
        yield key[start.start() :][:CHARS_MAX]


def keep(connection: sqlalchemy.Connection, account_id: str, *, email: str, name: str) -> None:
    """Let an account be found by this address and this name, and by nothing else.

    Doing it again writes nothing; several may do it at once.
    """
    found = words_of(email=email, name=name)
    is_theirs = WORD.c.account_id == account_id
    connection.execute(WORD.delete().where(is_theirs, WORD.c.word.not_in(found)))
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    rows = [{"word": each, "account_id": account_id} for each in found]
    if rows:
        connection.execute(insert(WORD).on_conflict_do_nothing(), rows)


def forget(connection: sqlalchemy.Connection, account_id: str) -> None:
    """Let an account be found by nothing."""
    connection.execute(WORD.delete().where(WORD.c.account_id == account_id))


def search(query: str, *, after: tuple[bytes, str] | None) -> "sqlalchemy.Select[Any]":
    """The accounts with a word that begins so, in the order of those words; each once.

    Cost: an index gives them in this order, so a page reads no more than its rows.

    Args:
        query: not empty.
        after: word and account that the page before ended with.
    """
    low = addresses.key_of(query)[:CHARS_MAX].encode("utf-8", "replace")
    # No byte of UTF-8 is the last one: the next one bounds what begins so.
    high = low[:-1] + bytes([low[-1] + 1])
    earlier = WORD.alias()
    # An account stands at its first word only.
    is_again = (
        sqlalchemy.select(earlier.c.word)
        .where(
            earlier.c.account_id == WORD.c.account_id,
            earlier.c.word >= low,
            earlier.c.word < WORD.c.word,
        )
        .exists()
    )
    wanted = (
        sqlalchemy.select(ACCOUNT, WORD.c.word)
        .select_from(WORD.join(ACCOUNT, ACCOUNT.c.id == WORD.c.account_id))
        .where(WORD.c.word >= low, WORD.c.word < high, ~is_again)
        .order_by(WORD.c.word, WORD.c.account_id)
    )
    if after is not None:
        word, account_id = after
        wanted = wanted.where(
            WORD.c.word >= word, (WORD.c.word > word) | (WORD.c.account_id > account_id)
        )
    return wanted
