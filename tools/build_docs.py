"""Builds the documentation into site/ and refuses what would mislead a reader: `make docs`.

The pages are those of the root (README, ARCHITECTURE, …) and of docs/. They are read as Markdown,
so that the same files serve on a code host and as a site. Strict means: each relative link and
anchor leads somewhere, each page is reachable from docs/README.md, each page has one title and no
skipped heading level, each block of code names its language.
"""

import argparse
import copy
import html
import os
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("tutorial", "howto", "reference", "explanation", "decisions")
STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { margin: 0; font: 16px/1.6 system-ui, sans-serif; display: flex; flex-wrap: wrap; }
nav { flex: 1 1 14rem; max-width: 18rem; padding: 1.5rem; border-right: 1px solid var(--line); }
nav ul { list-style: none; padding: 0; margin: 0 0 1rem; font-size: .9rem; }
main { flex: 4 1 30rem; max-width: 50rem; padding: 1.5rem 2rem 4rem; min-width: 0; }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--line); border-radius: 6px; }
code { font: .875em ui-monospace, monospace; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
a[aria-current] { font-weight: 600; }
img { max-width: 100%; }
"""


class Page:
    """One Markdown file, parsed."""

    def __init__(self, path: Path, *, root: Path) -> None:
        self.path = path
        self.root = root
        self.name = path.relative_to(root).as_posix()
        self.text = path.read_text()

    @cached_property
    def tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.text)

    @cached_property
    def headings(self) -> list[tuple[int, str, int]]:
        """(level, text, line) of each heading, in order."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return [
            (int(opening.tag[1]), _plain(inline), (opening.map or [0])[0] + 1)
            for opening, inline in pairs
            if opening.type == "heading_open"
        ]

    @cached_property
    def anchors(self) -> list[str]:
        """The anchors of the headings, as code hosts make them."""
        seen: dict[str, int] = {}
        anchors: list[str] = []
        for _, text, _ in self.headings:
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            anchors.append(f"{slug}-{count}" if count else slug)
        return anchors

    @property
    def title(self) -> str:
        return self.headings[0][1] if self.headings else self.name

    def links(self) -> Iterator[tuple[str, int]]:
        """(address, line) of each link and image."""
        for block in self.tokens:
            for token in block.children or ():
                address = token.attrGet("href") or token.attrGet("src")
                if address:
                    yield str(address), (block.map or [0])[0] + 1

    def target(self, address: str) -> tuple[Path, str] | None:
        """The file and anchor a relative link means; None for a link to elsewhere."""
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            return None
        path = (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path
        return path, unquote(parts.fragment)


def _plain(inline: Token) -> str:
    return "".join(token.content for token in inline.children or ())


def list_pages(root: Path) -> dict[Path, Page]:
    """Every page, the root's first, then docs/ by section."""

    def rank(path: Path) -> tuple[int, bool, str]:
        section = path.relative_to(root / "docs").parts[0]
        place = SECTIONS.index(section) if section in SECTIONS else -1
        return place, path.name != "README.md", path.as_posix()

    paths = [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"), key=rank)]
    return {path: Page(path, root=root) for path in paths}


def find_problems(pages: dict[Path, Page], *, root: Path) -> list[str]:
    """What is wrong with the pages, each as `file:line what`."""
    problems = [problem for page in pages.values() for problem in _problems_of(page)]
    for page in pages.values():
        problems += _link_problems(page, pages=pages, root=root)
    start = root / "docs" / "README.md"
    reached = _reachable(start, pages=pages)
    for path, page in pages.items():
        if path.is_relative_to(root / "docs") and path not in reached:
            problems.append(f"{page.name}:1 no page that starts at docs/README.md links it")
    return sorted(problems)


def _problems_of(page: Page) -> Iterator[str]:
    """What is wrong with a page by itself."""
    levels = [level for level, _, _ in page.headings]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"{page.name}:1 needs one title (#), as its first heading"
    for (before, _, _), (level, text, line) in zip(page.headings, page.headings[1:], strict=False):
        if level > before + 1:
            yield f"{page.name}:{line} {text!r} skips a heading level"
    for token in page.tokens:
        line = (token.map or [0])[0] + 1
        if token.type == "fence" and not token.info.strip():
            yield f"{page.name}:{line} a block of code names no language"
        if token.type == "inline":
            texts = [child.content for child in token.children or () if child.type == "text"]
            if any(re.search(r"\]\[[^\]]*\]", text) for text in texts):
                yield f"{page.name}:{line} a link's reference is not defined"


def _link_problems(page: Page, *, pages: dict[Path, Page], root: Path) -> Iterator[str]:
    for address, line in page.links():
        found = page.target(address)
        if found is None:
            continue
        path, anchor = found
        if not path.is_relative_to(root):
            yield f"{page.name}:{line} {address} leads out of the repository"
        elif not path.exists():
            yield f"{page.name}:{line} {address} leads nowhere"
        elif anchor and path in pages and anchor not in pages[path].anchors:
            yield f"{page.name}:{line} {address}: there is no such heading"


def _reachable(start: Path, *, pages: dict[Path, Page]) -> set[Path]:
    reached: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in reached or path not in pages:
            continue
        reached.add(path)
        targets = [pages[path].target(address) for address, _ in pages[path].links()]
        waiting += [target[0] for target in targets if target]
    return reached


def build(pages: dict[Path, Page], *, root: Path, site: Path) -> None:
    """Write each page as HTML, with the files it links beside it."""
    shutil.rmtree(site, ignore_errors=True)
    for page in pages.values():
        output = site / Path(page.name).with_suffix(".html")
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(_html(page, pages=pages))
        found = [page.target(address) for address, _ in page.links()]
        for path in {each[0] for each in found if each and each[0].is_file()} - pages.keys():
            copied = site / path.relative_to(root)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copied)
    shutil.copy(site / "README.html", site / "index.html")


def _html(page: Page, *, pages: dict[Path, Page]) -> str:
    tokens = copy.deepcopy(page.tokens)
    anchors = iter(page.anchors)
    for block in tokens:
        if block.type == "heading_open":
            block.attrSet("id", next(anchors))
        for token in block.children or ():
            address = token.attrGet("href")
            found = page.target(str(address)) if address else None
            if found and found[0].is_dir():
                del token.attrs["href"]  # A code host shows folders; a site has none to show.
            elif found and found[0] in pages:
                token.attrSet("href", re.sub(r"\.md(?=#|$)", ".html", str(address)))
    renderer = MarkdownIt("commonmark").enable("table")
    body = renderer.renderer.render(tokens, renderer.options, {})
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(page.title)} · NovaCore</title><style>{STYLE}</style></head>\n"
        f"<body><nav>{_navigation(page, pages=pages)}</nav>\n<main>{body}</main></body></html>\n"
    )


def _navigation(page: Page, *, pages: dict[Path, Page]) -> str:
    lists: dict[str, list[str]] = {}
    for other in pages.values():
        parts = Path(other.name).parts
        section = parts[1] if len(parts) > 2 else ""
        address = os.path.relpath(Path(other.name).with_suffix(".html"), Path(page.name).parent)
        mark = ' aria-current="page"' if other is page else ""
        link = f'<li><a href="{html.escape(address)}"{mark}>{html.escape(other.title)}</a></li>'
        lists.setdefault(section, []).append(link)
    return "".join(
        f"<strong>{html.escape(section)}</strong><ul>{''.join(links)}</ul>"
        for section, links in lists.items()
    )


def main() -> int:
    """Check, then build; 1 where something is wrong, and then nothing is built."""
    parser = argparse.ArgumentParser(description="Build the documentation, strictly.")
    parser.add_argument("--root", type=Path, default=ROOT)
    root = parser.parse_args().root.resolve()
    pages = list_pages(root)
    problems = find_problems(pages, root=root)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    build(pages, root=root, site=root / "site")
    print(f"{len(pages)} pages in {root / 'site'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
