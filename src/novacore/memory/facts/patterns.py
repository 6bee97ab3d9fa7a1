"""Sentences that state a fact, by their form. English; each pattern is the whole sentence.

A pattern that is too open says wrong things for ever; one too narrow only misses some. So each is
narrow, and `tests/rooms/memory/test_extraction.py` holds what each must find and must not.
"""

import datetime as dt
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from novacore.memory.facts.finding import PROJECT, USER, Finding
from novacore.memory.facts.guards import is_denial

_LEAD: Final = re.compile(
    r"^(?:(?:by the way|btw|also|well|hi|hello|hey|hi there|fyi|oh|actually|yes|yeah|ok|okay|now"
    r"|and|so|anyway|correction|just so you know|for the record|for context|in fact|sorry|please"
    r"|(?:note|remember|keep in mind|know|be aware)(?: that)?)[,:]?\s+)+",
    re.IGNORECASE,
)
_I = "I"
_IM = r"(?:I am|I['’]m)"
_HAVE = r"(?:I(?:['’]ve| have)?(?: just| recently)?)"
_CAPITAL = r"(?-i:[^\W\d_a-zß-öø-ÿ])"
"""A capital, or a letter of a script that has none."""
_NAME = (
    rf"{_CAPITAL}[\w'’.-]*(?: (?:(?:de|van|von|der|la|le|da|bin|al) )*{_CAPITAL}[\w'’.-]*){{0,3}}"
)
_PROPER = (
    rf"{_CAPITAL}[\w'’.&-]*(?:(?:,? (?:(?:of|the|de|am|an der|la|le|and|&) )?)"
    rf"(?:{_CAPITAL}|\d)[\w'’.&-]*){{0,4}}"
)
_THING = r"[\w`'’@#+./&-]+(?: [\w`'’@#+./&,-]+){0,7}"
_SINCE = (
    r"(?:,? (?:now|currently|at the moment|these days))?(?P<since>,? since (?:[A-Z][a-z]+ )?\d{4})?"
)
_MONTHS = "january february march april may june july august september october november december"
_MONTH = "|".join(_MONTHS.split()) + "|" + "|".join(name[:3] for name in _MONTHS.split())
_DATE = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}|(?:the )?\d{{1,2}}(?:[snrt][tdh])?(?: of)? (?:{_MONTH})\.?"
    rf"(?:,? \d{{4}})?|(?:{_MONTH})\.? (?:the )?\d{{1,2}}(?:[snrt][tdh])?(?:,? \d{{4}})?"
    r"|\d{1,2}[./]\d{1,2}[./]\d{4})"
)
_RELATION = (
    r"wife|husband|partner|girlfriend|boyfriend|fianc[ée]e?|son|daughter|brother|sister|mother|mom"
    r"|mum|father|dad|dog|cat|boss|manager|best friend|grandmother|grandfather|roommate"
)
_VAGUE: Final = re.compile(
    r"^(?:him|her|yours|his|hers|their|its|the|what|when|how|a|an|my|some|any|one|both|all"
    r"|everything|nothing|something|anything|to be|to see|to know|to hear|to thank|to say|to ask"
    r"|to get|first|second|third|last|former|latter)\b|^to$"
    r"|^(?:option|variant|version|choice|number|approach|plan|solution) \w{1,2}$"
    r"|\b(?:it|this|that|these|those|them|you|your|here|there|above|below)\b",
    re.IGNORECASE,
)
"""Says something only where it was said, or too little."""
_POINTS: Final = re.compile(
    r"\b(?:it|this|that|these|those|them|here|there|above|below)\b", re.IGNORECASE
)
_OFTEN = r"(?:much|strongly|generally|usually|always|really)"
_VERY = r"(?:really|absolutely|very much|also)"
_NO_NAME: Final = re.compile(
    r"^(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|^(?:back|later|tomorrow|today|now|when|maybe|at"
    r"|on|in|crazy|old)\b",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"(?:,? (?:and|but)|;) (?=(?:I|we|my|our)\b)", re.IGNORECASE)
_DO: Final = (
    r"use|answer|reply|respond|write|run|call|commit|push|ask|keep|add|put|format|speak|include"
    r"|deploy|delete|name|indent|test|check|avoid|prefer|merge|show|explain|log|sign"
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A sentence's form, and what it says."""

    form: str
    """A regular expression for all of it."""
    found: Callable[[re.Match[str]], Finding | None]
    may_deny: bool = False


def find(statement: str) -> list[Finding]:
    """The facts that a statement says, without their places; of a form that is not known: none."""
    found = (_find_in(clause) for clause in _CLAUSE.split(_LEAD.sub("", statement)))
    return [each for each in found if each is not None]


def _find_in(clause: str) -> Finding | None:
    text = clause.strip(" ,")
    for pattern in PATTERNS:
        match = _form(pattern.form).fullmatch(text)
        if match and (pattern.may_deny or not is_denial(text)):
            return pattern.found(match)
    return None


def _about_user(
    predicate: str, said: str, *, topic: str = "", confidence: float = 0.85
) -> Callable[[re.Match[str]], Finding | None]:
    """What the group `what` says of the owner; `said` makes a sentence of it."""

    def found(match: re.Match[str]) -> Finding | None:
        what = _clean(match["what"])
        if _VAGUE.search(what) or (topic == "name" and _NO_NAME.match(what)):
            return None
        return Finding(
            subject=USER,
            predicate=predicate,
            object=what,
            text=said.format(what),
            topic=topic,
            confidence=confidence,
            valid_from_us=_since(match),
            tags=("user",),
        )

    return found


def _attitude(predicate: str) -> Callable[[re.Match[str]], Finding | None]:
    def found(match: re.Match[str]) -> Finding | None:
        what = _clean(match["what"])
        if _VAGUE.search(what):
            return None
        return Finding(
            subject=USER, predicate=predicate, object=what, text=f"The user {predicate} {what}.",
            topic=f"attitude:{what.casefold()}", tags=("preference", "user"),
        )  # fmt: skip

    return found


def _preference(match: re.Match[str]) -> Finding | None:
    more, less = _clean(match["more"]), _clean(match["less"])
    if _VAGUE.search(more) or _VAGUE.search(less):
        return None
    pair = "|".join(sorted((more.casefold(), less.casefold())))
    return Finding(
        subject=USER, predicate="prefers", object=f"{more} over {less}",
        text=f"The user prefers {more} over {less}.", topic=f"preference:{pair}",
        tags=("preference", "user"),
    )  # fmt: skip


def _favourite(match: re.Match[str]) -> Finding | None:
    kind, what = _clean(match["kind"]), _clean(match["what"])
    if kind.startswith("one") or _POINTS.search(what):
        return None
    if re.match(r"(?:when|how|where|because|to)\b", what, re.IGNORECASE):
        return None
    return Finding(
        subject=USER, predicate=f"favourite {kind}", object=what,
        text=f"The user's favourite {kind} is {what}.", topic=f"favourite:{kind.casefold()}",
        confidence=0.9, tags=("preference", "user"),
    )  # fmt: skip


def _relative(match: re.Match[str]) -> Finding | None:
    kind, what = match["kind"].lower(), _clean(match["what"])
    return Finding(
        subject=f"{USER}'s {kind}", predicate="name", object=what,
        text=f"The user's {kind} is called {what}.", topic="name", confidence=0.9,
        tags=("name", "user"),
    )  # fmt: skip


def _wish(match: re.Match[str]) -> Finding | None:
    what = _clean(match["what"])
    if _POINTS.search(what):
        return None
    return Finding(
        subject=USER, predicate="wants", object=what, text=f"The user wants: {what}.",
        tags=("instruction", "preference", "user"),
    )  # fmt: skip


def _decision(match: re.Match[str]) -> Finding | None:
    what = _clean(match["what"])
    # "The new parser" says what; "the parser" and "B" were clear only then.
    core = re.sub(r"^(?:the|an?) (?=\w+ \w+)", "", what)
    if _VAGUE.search(core) or len(core) == 1:
        return None
    return Finding(
        subject=PROJECT, predicate="decided", object=what, text=f"It was decided: {what}.",
        tags=("decision",),
    )  # fmt: skip


def _tool(match: re.Match[str]) -> Finding | None:
    what = _clean(match["what"])
    if _VAGUE.search(what):
        return None
    is_ours = match["who"].casefold() != "i"
    who = "The project" if is_ours else "The user"
    return Finding(
        subject=PROJECT if is_ours else USER, predicate="uses", object=what,
        text=f"{who} uses {what}.", tags=("tool",),
    )  # fmt: skip


def _date(match: re.Match[str]) -> Finding | None:
    event, when = _clean(match["event"]), _clean(match["when"])
    return Finding(
        subject=PROJECT, predicate="is on", object=when,
        text=f"{event[0].upper()}{event[1:]} is on {when}.",
        topic=f"date:{event.casefold().removeprefix('the ').removeprefix('my ')}",
        tags=("date",),
    )  # fmt: skip


def _clean(text: str) -> str:
    words = " ".join(text.replace("`", "").split()).strip(" ,;:.!")
    return re.sub(r",? (?:too|as well|a lot|so much)$", "", words)


def _since(match: re.Match[str]) -> int | None:
    said = match.groupdict().get("since") or ""
    year = re.search(r"\d{4}", said)
    if not year:
        return None
    month = next((at for at, name in enumerate(_MONTHS.split(), 1) if name[:3] in said.lower()), 1)
    if not 1900 <= int(year.group()) <= 2200:
        return None
    return int(dt.datetime(int(year.group()), month, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000


@functools.cache
def _form(pattern: str) -> re.Pattern[str]:
    """Made when first needed: compiling all of them takes longer than the rest of a start."""
    return re.compile(pattern, re.IGNORECASE)


PATTERNS: Final = (
    _Pattern(
        (rf"(?:my (?:full |first )?name is|{_IM} called|(?:you can )?call me) (?P<what>{_NAME})"),
        _about_user("name", "The user's name is {}.", topic="name", confidence=0.95),
    ),
    _Pattern(
        (
            rf"(?:{_I} (?:live|reside) in|{_IM} (?:living|based) in|{_HAVE} moved to"
            rf"|my home is in) (?P<what>{_PROPER}){_SINCE}"
        ),
        _about_user("lives in", "The user lives in {}.", topic="home", confidence=0.9),
    ),
    _Pattern(
        (
            rf"(?:{_I} work (?:at|for)|{_IM} (?:working|employed) (?:at|by|for)"
            rf"|{_HAVE} (?:joined|started at)|my employer is) (?P<what>{_PROPER}){_SINCE}"
        ),
        _about_user("works at", "The user works at {}.", topic="employer", confidence=0.9),
    ),
    _Pattern(
        (rf"{_I} work as (?:a |an |the )?(?P<what>{_THING})"),
        _about_user("works as", "The user works as {}.", topic="job"),
    ),
    _Pattern(
        (
            rf"{_IM} (?:a |an )?(?P<what>vegetarian|vegan|pescatarian|coeliac|celiac|diabetic"
            r"|left-handed|right-handed|lactose intolerant|colou?r[- ]?blind|deaf|blind|dyslexic)"
        ),
        _about_user("is", "The user is {}.", confidence=0.9),
    ),
    _Pattern(
        (rf"{_IM} allergic to (?P<what>{_THING})"),
        _about_user("is allergic to", "The user is allergic to {}.", confidence=0.95),
    ),
    _Pattern(
        (
            rf"(?:my birthday is(?: on)?|{_I} was born(?: on| in)?)"
            rf" (?P<what>{_DATE}|(?:19|20)\d\d)"
        ),
        _about_user("born on", "The user's birthday is {}.", topic="birthday", confidence=0.95),
    ),
    _Pattern(
        (r"my e-?mail(?: address)? is (?P<what>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"),
        _about_user("e-mail", "The user's e-mail address is {}.", topic="e-mail", confidence=0.95),
    ),
    _Pattern(
        (r"my time ?zone is (?P<what>[\w/+: -]{2,40})"),
        _about_user("time zone", "The user's time zone is {}.", topic="time zone", confidence=0.95),
    ),
    _Pattern((rf"my favou?rite (?P<kind>[\w -]{{2,40}}?) is (?P<what>{_THING})"), _favourite),
    _Pattern(
        (rf"my (?P<kind>{_RELATION})(?:['’]s name is| is called| is named) (?P<what>{_NAME})"),
        _relative,
    ),
    _Pattern(
        (
            rf"{_I}(?: {_OFTEN})? prefer (?P<more>{_THING}?)"
            rf" (?:over|rather than|instead of) (?P<less>{_THING})"
        ),
        _preference,
    ),
    _Pattern(
        (rf"{_I}(?: {_OFTEN})? prefer (?P<more>(?!to )[\w`+#.-]+) to (?P<less>{_THING})"),
        _preference,
    ),
    _Pattern(
        (rf"{_I}(?: {_OFTEN})? prefer (?P<what>{_THING})"),
        _about_user("prefers", "The user prefers {}."),
    ),
    _Pattern(
        (rf"{_I}(?: {_VERY})? (?:like|love|enjoy|adore) (?P<what>{_THING})"),
        _attitude("likes"),
    ),
    _Pattern(
        (
            rf"{_I}(?: {_VERY})? (?:(?:do not|don['’]t)(?: {_VERY})? (?:like|enjoy)|hate"
            rf"|dislike|detest|loathe|can['’]?t stand|cannot stand) (?P<what>{_THING})"
        ),
        _attitude("dislikes"),
        may_deny=True,
    ),
    _Pattern(
        (rf"(?P<what>from now on,? .{{4,200}}|(?:always|never) (?:{_DO})\b.{{2,200}})"),
        _wish,
        may_deny=True,
    ),
    _Pattern(
        (
            r"(?:(?:we|i)(?:['’]ve| have)?(?: finally| now| just)? (?:decided|agreed|settled)"
            r"(?: (?:to|on|that))?|let['’]s go with|we['’]re going with|decision:)"
            r" (?P<what>.{3,200})"
        ),
        _decision,
        may_deny=True,
    ),
    _Pattern(
        (
            r"(?P<who>we|i|our (?:team|project|company))"
            rf"(?: (?:mostly|usually|always|currently|now|only))? uses? (?P<what>{_THING})"
        ),
        _tool,
    ),
    _Pattern(
        (
            r"(?P<event>(?:the|my|our) (?:[\w-]+ ){0,3}(?:deadline|release|launch|meeting|exam"
            r"|wedding|flight|appointment|demo|interview|conference|review|kick-?off|due date)"
            rf"(?: (?:for|with|of) {_THING}?)?) is (?:on )?(?P<when>{_DATE})"
        ),
        _date,
    ),
)
"""Tried in order; the first that fits says what is found."""
