"""The pages hold together: links, anchors, titles, and nothing out of reach."""

from pathlib import Path

import pytest

import build_docs

ROOT = Path(__file__).resolve().parents[2]


def _site(folder: Path, pages: dict[str, str]) -> dict[Path, build_docs.Page]:
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return build_docs.list_pages(folder)


def test_the_pages_have_no_problem():
    pages = build_docs.list_pages(ROOT)
    assert len(pages) > 10
    assert build_docs.find_problems(pages, root=ROOT) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# A\n[b](gone.md)", "gone.md leads nowhere"),
        ("# A\n![b](gone.png)", "gone.png leads nowhere"),
        ("# A\n[b](../..//x.md)", "leads out of the repository"),
        ("# A\n[b](../gone)", "../gone leads nowhere"),
        ("# A\n[b](#nothing)", "there is no such heading"),
        ("# A\n[b](../README.md#nothing)", "there is no such heading"),
        ("# A\n[b][gone]", "reference is not defined"),
        ("# A\n# B", "needs one title"),
        ("## A", "needs one title"),
        ("# A\n### B", "skips a heading level"),
        ("# A\n```\nx\n```", "names no language"),
    ],
)
def test_a_planted_fault_is_named_with_its_page(text, problem, tmp_path):
    pages = _site(tmp_path, {"README.md": "# Home", "docs/README.md": text})
    problems = build_docs.find_problems(pages, root=tmp_path)
    assert len(problems) == 1
    assert problems[0].startswith("docs/README.md:")
    assert problem in problems[0]


def test_a_page_that_no_other_page_links_is_named(tmp_path):
    texts = {"docs/README.md": "# Home\n[a](a.md)", "docs/a.md": "# A", "docs/b.md": "# B"}
    problems = build_docs.find_problems(_site(tmp_path, texts), root=tmp_path)
    assert [problem.partition(":")[0] for problem in problems] == ["docs/b.md"]


def test_anchors_are_made_as_code_hosts_make_them(tmp_path):
    texts = {"docs/README.md": "# The `nova` command!\n## Twice\n## Twice\n[a](#twice-1)"}
    page = next(iter(_site(tmp_path, texts).values()))
    assert page.anchors == ["the-nova-command", "twice", "twice-1"]


def test_a_built_site_leads_from_page_to_page(tmp_path):
    texts = {
        "README.md": "# Home\n[docs](docs/README.md#part) [licence](LICENSE)",
        "LICENSE": "free",
        "docs/README.md": "# Docs\n## Part\n[home](../README.md) [all](../docs)",
    }
    pages = _site(tmp_path, texts)
    site = tmp_path / "site"
    build_docs.build(pages, root=tmp_path, site=site)
    assert 'href="docs/README.html#part"' in (site / "index.html").read_text()
    assert '<h2 id="part">' in (site / "docs" / "README.html").read_text()
    assert "<a>all</a>" in (site / "docs" / "README.html").read_text()
    assert (site / "LICENSE").read_text() == "free"


def test_every_decision_has_the_five_headings_on_one_page():
    wanted = ["Context", "Decision", "Consequences", "Alternatives considered", "References"]
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        if path.name in {"README.md", "plan-deviations.md"}:
            continue
        page = build_docs.Page(path, root=ROOT)
        assert [text for level, text, _ in page.headings if level == 2] == wanted, path.name
        assert len(page.text.split()) <= 600, path.name
        assert f"({path.name})" in index, path.name
