"""Which predicates can have one value at a time: a new value then closes the one before."""

from typing import Final

from novacore.memory.lifecycle.fold import normal

_ONE_VALUE: Final = {
    "name": "name",
    "is called": "name",
    "lives in": "home",
    "moved to": "home",
    "works at": "employer",
    "works for": "employer",
    "works as": "job",
    "born on": "birthday",
    "birthday": "birthday",
    "e-mail": "e-mail",
    "email": "e-mail",
    "phone": "phone",
    "time zone": "time zone",
    "age": "age",
    "is married to": "spouse",
    "deadline": "deadline",
}
_ATTITUDES: Final = ("likes", "dislikes", "loves", "hates")


def topic_of(predicate: str, object: str) -> str:  # noqa: A002 - what it is called everywhere
    """What can have one value at a time for this predicate; empty: several may hold at once."""
    known = normal(predicate)
    if known in _ONE_VALUE:
        return _ONE_VALUE[known]
    if known.startswith(("favourite ", "favorite ")):
        return f"favourite:{known.partition(' ')[2]}"
    if known in _ATTITUDES:
        return f"attitude:{normal(object)}"
    more, over, less = normal(object).partition(" over ")
    if known == "prefers" and over:
        return "preference:" + "|".join(sorted((more, less)))
    return ""
