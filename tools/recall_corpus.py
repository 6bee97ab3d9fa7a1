"""What recall is trained on: the files of training/recall, strung together into stores.

Everything is drawn from one seed, so the same files always give the same conversations.
"""

import datetime as dt
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "training" / "recall"

_SEED: Final = 20_240_601
_CHAT_STORES: Final = 8
_WORK_STORES: Final = 4
_MIXED_STORES: Final = 2
_THREADS_PER_SESSION: Final = 4
_SESSIONS_WORK: Final = 12
_DATED_SHARE: Final = 0.3
_NAMES: Final = (
    "Marek", "Hana", "Leonie", "Tariq", "Wren", "Odile", "Bram", "Zofia", "Rafael", "Maeve",
    "Anouk", "Kofi", "Signe", "Dario", "Ayşe", "Felix", "Nkechi", "Ruben", "Talia", "Jonas",
)  # fmt: skip
_LABEL: Final = re.compile(r" \[([\w ]+)\]$")
_BLANK: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One thing said: by a person of that name, or by `user` or `assistant`."""

    session: str
    speaker: str
    text: str
    said_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question and the numbers of the turns that answer it; none: nothing does."""

    text: str
    evidence: tuple[int, ...]


@dataclass(kw_only=True)
class Corpus:
    """One store's conversations, and what is asked of them."""

    name: str
    turns: list[Turn] = field(default_factory=list[Turn])
    questions: list[Question] = field(default_factory=list[Question])


@dataclass(frozen=True, kw_only=True)
class Thread:
    """An exchange with blanks: lines of (speaker, text, label), questions with their labels."""

    kind: str
    lines: tuple[tuple[str, str, str], ...]
    questions: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Threads:
    """A file of threads."""

    blanks: dict[str, list[str]]
    threads: tuple[Thread, ...]
    unanswered: tuple[str, ...]


def build_corpora() -> list[Corpus]:
    """All stores to train on."""
    chance = random.Random(_SEED)
    chat, work = read_threads(FOLDER / "threads.txt"), read_threads(FOLDER / "work.txt")
    filler = read_paragraphs(FOLDER / "paragraphs.txt")
    names = list(_NAMES)
    chance.shuffle(names)
    made: list[Corpus] = []
    for number in range(_CHAT_STORES):
        pair = names[2 * number : 2 * number + 2]
        made.append(_chat_store(f"chat {number}", chat, pair, chance))
    made.extend(
        _work_store(f"work {number}", work, filler, chance) for number in range(_WORK_STORES)
    )
    for number in range(_MIXED_STORES):
        pair = names[-2 * number - 2 :][:2]
        mixed = _chat_store(f"mixed {number}", chat, pair, chance)
        made.append(_joined(mixed, _work_store(mixed.name, work, filler, chance)))
    made.append(_talks(sorted((FOLDER / "talks").glob("*.txt"))))
    return made


def read_threads(path: Path) -> Threads:
    """The blanks, threads and unanswered questions of a file."""
    blanks: dict[str, list[str]] = {"year": [str(year) for year in range(1998, 2020)]}
    threads: list[Thread] = []
    unanswered: list[str] = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("# ")]
        for line in lines:
            if line.startswith("= "):
                name, _, values = line[2:].partition(": ")
                blanks[name] = values.split(" | ")
            elif line.startswith("?- "):
                unanswered.append(line[3:])
        if lines and lines[0].startswith("## "):
            threads.append(_thread(lines[0][3:], lines[1:]))
    return Threads(blanks=blanks, threads=tuple(threads), unanswered=tuple(unanswered))


def read_paragraphs(path: Path) -> dict[str, list[str]]:
    """The lines that fill long messages, by their heading."""
    made: dict[str, list[str]] = {}
    heading = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            heading = line[2:]
        elif line:
            made.setdefault(heading, []).append(line)
    return made


def _thread(kind: str, lines: Sequence[str]) -> Thread:
    said: list[tuple[str, str, str]] = []
    asked: list[tuple[str, tuple[str, ...]]] = []
    for line in lines:
        text, label = _labelled(line)
        if line.startswith("? "):
            asked.append((text[2:], tuple(label.split())))
        else:
            speaker, _, words = text.partition(": ")
            said.append((speaker, words, label))
    return Thread(kind=kind, lines=tuple(said), questions=tuple(asked))


def _labelled(line: str) -> tuple[str, str]:
    found = _LABEL.search(line)
    return (line[: found.start()], found[1]) if found else (line, "")


def _chat_store(name: str, chat: Threads, pair: Sequence[str], chance: random.Random) -> Corpus:
    """Each thread twice, once with either person in either part, among small talk."""
    told = [thread for thread in chat.threads if thread.kind != "chat"]
    small = [thread for thread in chat.threads if thread.kind == "chat"]
    parts: list[tuple[Thread, int]] = [(thread, way) for thread in told for way in (0, 1)]
    chance.shuffle(parts)
    corpus = Corpus(name=name)
    at = dt.datetime(2021, chance.randint(1, 12), 3, 18, tzinfo=dt.UTC)
    for number, first in enumerate(range(0, len(parts), _THREADS_PER_SESSION)):
        session = f"{name} session {number}"
        at += dt.timedelta(days=chance.randint(2, 24), minutes=chance.randint(-400, 400))
        begin = (chance.choice(small), 0)
        for thread, way in [begin, *parts[first : first + _THREADS_PER_SESSION]]:
            first_name, second_name = pair if way == 0 else reversed(pair)
            people = {"A": first_name, "B": second_name}
            values = _values(chat.blanks, chance) | people
            _say(corpus, thread, values, people=people, session=session, at=at, chance=chance)
    _ask_in_vain(corpus, chat.unanswered, {"A": pair[0], "B": pair[1]})
    return corpus


def _work_store(
    name: str, work: Threads, filler: dict[str, list[str]], chance: random.Random
) -> Corpus:
    """A developer and an agent: every thread several times, of different things."""
    corpus = Corpus(name=name)
    people = {"A": "user", "B": "assistant"}
    at = dt.datetime(2024, 2, 1, 9, tzinfo=dt.UTC)
    decks = {key: chance.sample(each, len(each)) for key, each in work.blanks.items()}
    for number in range(_SESSIONS_WORK):
        session = f"{name} work {number}"
        at += dt.timedelta(days=chance.randint(1, 9))
        for thread in chance.sample(work.threads, 3):
            values = _values(work.blanks, chance)
            # The service tells the threads apart: no two of a kind have the same.
            deck = decks.setdefault(f"{thread.kind}/service", list(decks["service"]))
            if not deck:
                continue
            values |= {"service": deck.pop()}
            _say(
                corpus, thread, values, people=people, session=session, at=at, chance=chance,
                filler=filler,
            )  # fmt: skip
    _ask_in_vain(corpus, work.unanswered, _values(work.blanks, chance))
    return corpus


def _values(blanks: dict[str, list[str]], chance: random.Random) -> dict[str, str]:
    return {name: chance.choice(values) for name, values in blanks.items()}


def _say(
    corpus: Corpus,
    thread: Thread,
    values: dict[str, str],
    *,
    people: dict[str, str],
    session: str,
    at: dt.datetime,
    chance: random.Random,
    filler: dict[str, list[str]] | None = None,
) -> None:
    places: dict[str, int] = {}
    for speaker, words, label in thread.lines:
        text = _BLANK.sub(lambda found: _fill(found[1], values, filler, chance), words)
        if label:
            places[label] = len(corpus.turns)
        said_at = at + dt.timedelta(seconds=30 * len(corpus.turns))
        turn = Turn(session=session, speaker=people[speaker], text=text, said_at=said_at)
        corpus.turns.append(turn)
    for words, labels in thread.questions:
        text = _BLANK.sub(lambda found: values[found[1]], words)
        if chance.random() < _DATED_SHARE and text.endswith("?") and not text.startswith("When"):
            text = f"{text[:-1]} in {at:%B} {at.year}?"
        evidence = tuple(places[label] for label in labels)
        corpus.questions.append(Question(text=text, evidence=evidence))


def _fill(
    name: str, values: dict[str, str], filler: dict[str, list[str]] | None, chance: random.Random
) -> str:
    if filler is None or name in values:
        return values[name]
    if name == "LONG":
        return " ".join(chance.sample(filler["Text"], chance.randint(1, 4)))
    if name == "OUTPUT":
        lines = [chance.choice(filler["Output"]) for _ in range(chance.randint(3, 12))]
        return "\n```\n" + "\n".join(lines) + "\n```\n"
    start = chance.randrange(len(filler["Code"]) - 6)
    return "\n```\n" + "\n".join(filler["Code"][start : start + 7]) + "\n```\n"


def _ask_in_vain(corpus: Corpus, asked: Sequence[str], values: dict[str, str]) -> None:
    for words in asked:
        text = _BLANK.sub(lambda found: values[found[1]], words)
        corpus.questions.append(Question(text=text, evidence=()))


def _joined(left: Corpus, right: Corpus) -> Corpus:
    shift = len(left.turns)
    moved = [
        Question(text=each.text, evidence=tuple(number + shift for number in each.evidence))
        for each in right.questions
    ]
    return Corpus(
        name=left.name,
        turns=[*left.turns, *right.turns],
        questions=[*left.questions, *moved],
    )


def _talks(paths: Sequence[Path]) -> Corpus:
    """The conversations written out by hand, in one store."""
    corpus = Corpus(name="talks")
    for path in paths:
        _add_talk(corpus, path)
    return corpus


def _add_talk(corpus: Corpus, path: Path) -> None:
    places: dict[str, int] = {}
    at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    session = ""
    for line, label in _labelled_lines(path):
        if line.startswith("@ "):
            at = dt.datetime.strptime(f"{line[2:]} +0000", "%Y-%m-%d %H:%M %z")
            session = f"{path.stem} {line[2:]}"
        elif line.startswith("?- "):
            corpus.questions.append(Question(text=line[3:], evidence=()))
        elif line.startswith("? "):
            evidence = tuple(places[each] for each in label.split())
            corpus.questions.append(Question(text=line[2:], evidence=evidence))
        else:
            speaker, _, text = line.partition(": ")
            speaker = {"Agent": "assistant", "Yusuf": "user"}.get(speaker, speaker)
            if label:
                places[label] = len(corpus.turns)
            at += dt.timedelta(seconds=40)
            corpus.turns.append(Turn(session=session, speaker=speaker, text=text, said_at=at))


def _labelled_lines(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line:
            yield _labelled(line)
