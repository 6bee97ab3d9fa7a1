"""Writing a letter: the words once, laid out twice, as text and as HTML.

A template has the blocks `subject`, `body` (paragraphs parted by empty lines) and `action` (the
button's words); the layout decides how they look. HTML escapes every fact.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from novacore.mail.letters import facts_of
from novacore.mail.model import Letter

if TYPE_CHECKING:
    import jinja2
    import markupsafe

_TEMPLATES = Path(__file__).parent / "templates"
_GAP = re.compile(r"\n\s*\n")


def write_letter(name: str, params: Mapping[str, object], *, home: str) -> Letter:
    """The letter `name` with these facts.

    Args:
        name: a name of `LETTERS`.
        params: its facts.
        home: the address of this NovaCore, for the last line; empty: it is not named.

    Raises:
        LetterUnknown: see `facts_of`.
    """
    facts = facts_of(name, params)
    link = str(facts.get("link", "") or "")
    told = {**facts, "link": link, "home": home}
    text = _render(name, told, kind="txt")
    html = _render(name, told, kind="html")
    return Letter(subject=_subject(name, told), text=text, html=html, link=link)


def _render(name: str, facts: Mapping[str, object], *, kind: str) -> str:
    template = _environment(kind).get_template(f"{name}.j2")
    return template.render({**facts, "layout": f"layout.{kind}.j2"}).strip() + "\n"


def _subject(name: str, facts: Mapping[str, object]) -> str:
    template = _environment("txt").get_template(f"{name}.j2")
    context = template.new_context({**facts, "layout": "layout.txt.j2"})
    return " ".join("".join(template.blocks["subject"](context)).split())


@lru_cache(maxsize=2)
def _environment(kind: str) -> "jinja2.Environment":
    import jinja2  # noqa: PLC0415 - an extra, like what sends

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=kind == "html",  # noqa: S701 - plain text has nothing to escape
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["paragraphs"] = _as_html if kind == "html" else _as_text
    return made


def _paragraphs(words: str) -> list[str]:
    return [" ".join(each.split()) for each in _GAP.split(words.strip()) if each.strip()]


def _as_text(words: str) -> str:
    return "\n\n".join(_paragraphs(words))


def _as_html(words: str) -> "markupsafe.Markup":
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    # What comes here was escaped when the block was rendered.
    return Markup("\n").join(
        Markup('<p style="margin:0 0 16px">{}</p>').format(
            Markup(each)  # noqa: S704 - escaped already
        )
        for each in _paragraphs(words)
    )
