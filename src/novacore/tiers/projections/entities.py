"""What a text names, found by rules: people and things, files, addresses, commands, dates, titles.

No model. A name is one or more capitalised words that do not merely begin a sentence. The same
thing in other spelling (case, accents) is the same entity; how it was written is kept beside it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

ENTITIES_MAX: Final = 256
"""Different entities taken from one entry: a listing of a thousand files is no thousand topics."""
ENTITY_CHARS_MAX: Final = 300
"""A longer one is no name but content, as an address with a form's data in it."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_EXTENSIONS: Final = (
    "py pyi ipynb js mjs cjs jsx ts tsx vue css scss html htm xml svg json jsonl yaml yml toml ini "
    "cfg conf env lock md mdx rst txt log csv tsv parquet sql db sqlite sh bash zsh ps1 bat c h cc "
    "cpp hpp cs go rs java kt swift rb php pl lua r scala ex exs erl hs ml clj dart proto graphql "
    "tf gradle dockerfile pdf doc docx xls xlsx ppt pptx odt epub png jpg jpeg gif webp ico mp3 "
    "mp4 wav mov zip tar gz xz zst bz2 whl deb rpm exe dll so wasm pem key crt diff patch"
)
_FILE: Final = rf"[\w.+@-]*\w\.(?:{_EXTENSIONS.replace(' ', '|')})(?![\w/.-]*\w)"
_ENDING: Final = re.compile(rf"\.(?i:{_EXTENSIONS.replace(' ', '|')})(?!\w)")
_STRUCTURED: Final = re.compile(
    rf"""(?P<url>\b(?:https?|ftp|ssh|git|wss?|postgresql|redis|nats)://[^\s<>"'`\\]+)
    |(?P<email>(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{{2,}})
    |(?P<path>(?<![\w/:.~-])(?:~|\.\.?)?/[\w.@+-]+(?:/[\w.@+-]+)*/?
        |(?<![\w/:.~@+-])(?:[\w.@+-]++/)++{_FILE})
    |(?P<file>(?<![\w/.+@-])(?i:{_FILE}))
    |(?P<handle>(?<![\w@./-])@[^\W\d_][\w-]{{1,38}})
    |(?P<tag>(?<![\w&\#/])\#[^\W\d_][\w-]{{1,48}})""",
    re.VERBOSE,
)
_SIGN: Final = re.compile(r"[/@#]|\.(?=\w)")
_GAPS: Final = frozenset(" \t\r\n\"'`<>|")
_GAP: Final = re.compile(r"[ \t\r\n\"'`<>|]")
_MONTHS: Final = _words(
    "january february march april may june july august september october november december"
)
_MONTH: Final = rf"(?:{'|'.join(f'{each[:3]}(?:{each[3:]})?' for each in _MONTHS)})\.?"
_DATE: Final = re.compile(
    rf"""\b(?P<y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)\b
    |\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?:\ of)?\ (?P<m2>{_MONTH}),?\ (?P<y2>\d{{4}})\b
    |\b(?P<m3>{_MONTH})\ (?P<d3>\d{{1,2}})(?:st|nd|rd|th)?,?\ (?P<y3>\d{{4}})\b
    |\b(?P<m4>{_MONTH})\ (?P<y4>\d{{4}})\b""",
    re.VERBOSE | re.IGNORECASE,
)
_YEAR: Final = re.compile(r"\d{4}")
_QUOTED: Final = re.compile(
    '"([^"\n]{2,80})"|“([^”\n]{2,80})”|«\\s?([^»\n]{2,80}?)\\s?»|„([^“”\n]{2,80})[“”]'
    "|《([^》\n]{1,80})》|「([^」\n]{1,80})」"
)
_COMMAND: Final = re.compile(
    r"(?m)^\s*(?:\$|>>>)\s+(\S[^\n]*)$|`([a-z][\w.-]*(?: [^`\n]{1,200})?)`"
)
_FAMILIES: Final = frozenset(
    _words(
        "apt apt-get brew cargo conda docker gh git go helm kubectl make nova npm npx pip podman "
        "pnpm poetry python python3 ruff rustup systemctl terraform uv yarn"
    )
)
"""Commands whose second word says what they do."""
_PROGRAMS: Final = _FAMILIES | frozenset(
    _words(
        "awk bash cat chmod chown cp curl df diff du echo env find grep gunzip gzip head kill less "
        "ln ls mkdir mv mypy node pgrep pkill ps psql pyright pytest rg rm rsync scp sed sh "
        "sqlite3 ssh sudo tail tar tee touch tr unzip vim wc wget which xargs zip"
    )
)
_CAPITAL: Final = re.compile(r"(?<![\w'’.-])[^\W\d_a-z](?:[\w'’.&-]*\w)")
_JOINING: Final = frozenset(_words("of the de der den van von la le du da del di"))
_JOINT: Final = re.compile(rf" (?:(?:{'|'.join(sorted(_JOINING))}) ){{0,3}}")
_LOUD: Final = re.compile(r"(?:\b[A-Z]{2,}\b[ ,]+){3,}\b[A-Z]{2,}\b")
"""A line in capitals: nothing in it stands out."""
_STOP: Final = frozenset(
    _words(
        "a about above after again all also although always am an and another any are as ask at "
        "away be because been before being below best both but by bye can cannot check could dear "
        "did do does doing done down during each either else ensure error even every everything "
        "fine first fix for from further get give go good great had has have having he hello help "
        "hence her here hers hey hi him his how however i i'd i'll i'm i've if in indeed instead "
        "into is it it's its just keep last later let let's like look make many maybe me might "
        "mine more most much must my near neither never new next no none nor not note nothing now "
        "of off oh ok okay on once one only or other our ours out over own perhaps please quite "
        "rather really right run same second see shall she should since so some somebody someone "
        "something soon sorry still such sure take tell than thank thanks that that's the their "
        "them then there there's therefore these they third this those though through thus to "
        "today tomorrow tonight too true try two under until up upon us use used using usually "
        "very via wait was we we'd we'll we're we've well were what what's when where whether "
        "which while who whom whose why will wish with within without would wow yeah yep yes "
        "yesterday yet you you'd you'll you're you've your yours assistant user system tool "
        "ok false null none "
        # Words that stand in capitals without naming anything.
        "january february march april may june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday am pm utc id ids api http https "
        "json yaml html css url urls sql cli ui ux faq pdf csv xml png jpg cpu gpu ram pr prs ci "
        "cd "
        # And, the, he … of other languages.
        "der die das und ein eine nicht ich du er es wir ihr mit auf für von zu im el los "
        "las una un y es en que por para con les des est et pas je tu il elle nous vous dans pour "
        "sur"
    )
)
_MARKS: Final = frozenset(first + second for first, second in (("to", "do"), ("fix", "me")))
"""What programmers leave in their texts."""
_STARTERS: Final = frozenset('.!?:;…。！？\n\t\r"“«„•*#|>(-—–`_[')
_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_TRIMMED: Final = ".,;:!?)]}'\"’”*_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """Something that a text names."""

    key: str
    """Its name without case and accents: equal for the same thing."""
    name: str
    """As it was written first."""
    type: str
    """name, file, path, url, email, handle, tag, title, command or date."""
    mentions: int
    """How often the text names it."""


def fold(text: str) -> str:
    """A text without case, accents and doubled blanks: the key of an entity of that name."""
    if text.isascii():
        return " ".join(text.lower().split())
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(each for each in apart if not unicodedata.combining(each))
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())


def find_entities(prose: Iterable[str], *, output: Iterable[str] = ()) -> list[Entity]:
    """The entities of an entry, in the order in which they are first named.

    Args:
        prose: what people and models said.
        output: what programs gave: only files, paths and addresses are taken from it.
    """
    found: dict[str, Entity] = {}
    for text in prose:
        _count(found, _in_prose(text))
    for text in output:
        _count(found, ((kind, name) for kind, name, _, _ in _structured(text)))
    return list(found.values())


def command_entity(command: str) -> str:
    """What a command line runs: the program, with its subcommand where it has one."""
    words = [word for word in command.split() if "=" not in word.split("/")[0]]
    while words and words[0] in {"sudo", "env", "time", "nohup"}:
        words = words[1:]
    if not words:
        return ""
    program = words[0].rsplit("/", 1)[-1].strip("();&|")
    more = next((word for word in words[1:] if not word.startswith("-")), "")
    if program in _FAMILIES and re.fullmatch(r"[a-z][a-z-]{1,20}", more):
        return f"{program} {more}"
    return program


def _count(found: dict[str, Entity], named: Iterable[tuple[str, str]]) -> None:
    for kind, name in named:
        key = fold(name)
        if not key or len(key) > ENTITY_CHARS_MAX or len(name) > ENTITY_CHARS_MAX:
            continue
        known = found.get(key)
        if known is None:
            if len(found) < ENTITIES_MAX:
                found[key] = Entity(key=key, name=name, type=kind, mentions=1)
            continue
        found[key] = Entity(key=key, name=known.name, type=known.type, mentions=known.mentions + 1)


def _in_prose(text: str) -> Iterator[tuple[str, str]]:
    """(type, name): addresses first, then what is left of the text without them."""
    pieces: list[str] = []
    done = 0
    for kind, name, start, end in _structured(text):
        yield kind, name
        pieces.append(text[done:start])
        done = end
    rest = "\n".join([*pieces, text[done:]])
    for each in _COMMAND.finditer(rest):
        name = command_entity(each[1] or each[2] or "")
        if name.split(" ")[0] in _PROGRAMS:
            yield "command", name
    for each in _DATE.finditer(rest) if _YEAR.search(rest) else ():
        if name := _date(each):
            yield "date", name
    for each in _QUOTED.finditer(rest):
        name = next(group for group in each.groups() if group).strip()
        if _is_title(name):
            yield "title", name
    for name in _names(rest):
        yield "name", name


def _structured(text: str) -> Iterator[tuple[str, str, int, int]]:
    for each in _marked(text):
        kind = each.lastgroup or ""
        name = each.group()
        if kind in {"url", "path"}:
            name = _trimmed(name)
        if kind == "path":
            name = name.rstrip("/")
            if name.count("/") < 2 and "." not in name.lstrip("."):
                continue
        if len(name) < 3 or (kind == "tag" and _HEX.fullmatch(name)):
            continue
        yield kind, name, each.start(), each.start() + len(name)


def _marked(text: str) -> Iterator[re.Match[str]]:
    """What looks like an address or a path, sought only where a sign of one stands."""
    done = 0
    for sign in _SIGN.finditer(text):
        start = sign.start()
        if start < done:
            continue
        while start > done and text[start - 1] not in _GAPS:
            start -= 1
        gap = _GAP.search(text, sign.end())
        done = gap.start() if gap else len(text)
        if done - start > ENTITY_CHARS_MAX:
            continue  # Encoded data, or an address that carries some.
        token = text[start:done]
        if _ENDING.search(token) is None and not any(sign in token for sign in "/@#"):
            continue
        yield from _STRUCTURED.finditer(text, start, done)


def _trimmed(name: str) -> str:
    """Without the punctuation after it, but with a bracket that belongs to it."""
    while name and name[-1] in _TRIMMED:
        if name[-1] == ")" and name.count("(") >= name.count(")"):
            break
        name = name[:-1]
    return name


def _date(found: re.Match[str]) -> str:
    """A date as 2023-05-07, a month as 2023-05."""
    if found["y"]:
        month, day = int(found["m"]), int(found["d"])
        return found.group() if 1 <= month <= 12 and 1 <= day <= 31 else ""
    for number in ("2", "3", "4"):
        if word := found[f"m{number}"]:
            month = next(at for at, name in enumerate(_MONTHS, 1) if name[:3] == word[:3].lower())
            day = found[f"d{number}"] if number != "4" else None
            month_text = f"{found[f'y{number}']}-{month:02}"
            return month_text if day is None else f"{month_text}-{int(day):02}"
    return ""


def _is_title(text: str) -> bool:
    first = text[:1]
    if not first or not (first.isupper() or not (first.islower() or first.isascii())):
        return False
    words = text.split()
    return len(words) <= 12 and text[-1] not in ".,;:" and fold(text) not in _STOP


def _names(text: str) -> Iterator[str]:
    """Runs of capitalised words; one that only begins a sentence counts where it returns inside."""
    runs = list(_runs(text))
    inside = {fold(name) for name, begins in runs if not begins}
    for name, begins in runs:
        if not begins or " " in name or _is_odd(name) or fold(name) in inside:
            yield name


def _is_odd(word: str) -> bool:
    """True for NASA, McCoy, JournalStore, GPT-4: no plain word looks so at a sentence's start."""
    letters = [each for each in word if each.isalpha()]
    return sum(each.isupper() for each in letters) >= 2 or any(each.isdigit() for each in word)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """(words, whether they begin a sentence)."""
    if _LOUD.search(text):
        text = _LOUD.sub(lambda found: "\n" * len(found.group()), text)
    run: list[str] = []
    begins, end = True, 0
    for each in _CAPITAL.finditer(text):
        start, word = each.start(), each.group()
        if not word[0].isupper() or word.endswith(("'", "’")):
            continue
        if run and (joint := _JOINT.fullmatch(text, end, start)):
            run += joint.group().split()
        else:
            yield from _finished(run, begins)
            run, begins = [], _is_start(text, start)
        end = each.end()
        if word.endswith(("'s", "’s")):
            run.append(word[:-2])
            yield from _finished(run, begins)
            run, begins = [], False
        else:
            run.append(word)
    yield from _finished(run, begins)


def _is_start(text: str, start: int) -> bool:
    """True where a sentence, a list item, a heading or a quotation begins."""
    while start and text[start - 1] == " ":
        start -= 1
    return not start or text[start - 1] in _STARTERS


def _is_stop(word: str) -> bool:
    key = fold(word)
    return key in _STOP or key in _MARKS


def _finished(run: list[str], begins: bool) -> Iterator[tuple[str, bool]]:
    """A run without the stop words at its ends."""
    while run and (_is_stop(run[0]) or run[0].lower() in _JOINING):
        run, begins = run[1:], False
    while run and (_is_stop(run[-1]) or run[-1].lower() in _JOINING):
        run = run[:-1]
    if run and len(run) <= 6 and not (len(run) == 1 and run[0].isascii() and len(run[0]) < 3):
        yield " ".join(run), begins
