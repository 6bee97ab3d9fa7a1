"""Who may do what: rules, remembered answers, and what holds where no rule speaks."""

import pytest

from novacore import agent
from novacore.agent.permissions import suggested_rules

COMMAND, READ, WRITE = agent.Access.COMMAND, agent.Access.READ, agent.Access.WRITE


def path(text):
    return agent.Subject(kind="path", text=text)


def bash(text):
    return agent.Subject(kind="command", text=text)


def effect(rules, tool, subject, access=COMMAND):
    return rules.decide(tool, access=access, subject=subject).effect


def test_reading_is_allowed_and_changing_is_asked_where_no_rule_speaks():
    rules = agent.Permissions()
    assert effect(rules, "read_file", path("a"), READ) == "allow"
    assert effect(rules, "read_file", path("/etc/passwd"), READ) == "ask"
    assert effect(rules, "write_file", path("a"), WRITE) == "ask"
    assert effect(rules, "bash", bash("ls")) == "ask"
    assert effect(rules, "note", agent.Subject(kind="none"), agent.Access.NOTHING) == "allow"


@pytest.mark.parametrize("default", ["allow", "ask", "deny"])
def test_the_default_is_a_setting(default):
    rules = agent.permissions_from(agent.Config(permissions_default=default))
    assert effect(rules, "bash", bash("ls")) == default


def test_refusing_beats_asking_beats_allowing():
    rules = agent.Permissions(
        allow=["bash"], ask=["bash(git push *)"], deny=["bash(git push -f *)"]
    )
    assert effect(rules, "bash", bash("git push -f origin")) == "deny"
    assert effect(rules, "bash", bash("git push origin")) == "ask"
    assert effect(rules, "bash", bash("git log")) == "allow"


def test_a_remembered_answer_beats_a_question_but_no_refusal():
    rules = agent.Permissions(ask=["bash"], deny=["bash(rm *)"])
    rules.remember("bash", effect="allow")
    assert effect(rules, "bash", bash("ls")) == "allow"
    assert effect(rules, "bash", bash("rm x")) == "deny"
    rules.forget_remembered()
    assert effect(rules, "bash", bash("ls")) == "ask"
    rules.remember("bash(ls)", effect="deny")
    assert effect(rules, "bash", bash("ls")) == "deny"


@pytest.mark.parametrize(
    "text",
    [
        "git status; rm -rf /",
        "git status && rm -rf /",
        "git status | sh",
        "git status & rm x",
        "git status\nrm x",
        "git status $(rm x)",
        "git status `rm x`",
        "git status > /etc/passwd",
        "PATH=. git status",
    ],
)
def test_an_allowed_command_is_no_way_in_for_another(text):
    rules = agent.Permissions(allow=["bash(git status *)"])
    assert effect(rules, "bash", bash(text)) == "ask"


def test_a_compound_is_allowed_where_each_part_is():
    rules = agent.Permissions(allow=["bash(git status *)", "bash(head *)"])
    decision = rules.decide("bash", access=COMMAND, subject=bash("git status -s | head -3 2>&1"))
    assert decision.effect == "allow"
    assert decision.rule == "bash(git status *), bash(head *)"
    assert effect(rules, "bash", bash("")) == "ask"


def test_an_exact_rule_covers_exactly_that():
    rules = agent.Permissions(allow=["bash(=rm *.pyc; ls $HOME)", "write_file(=a.py)"])
    assert effect(rules, "bash", bash("rm *.pyc; ls $HOME")) == "allow"
    assert effect(rules, "bash", bash("rm x.pyc; ls $HOME")) == "ask"
    assert effect(rules, "write_file", path("a.py"), WRITE) == "allow"
    assert effect(rules, "write_file", path("b/a.py"), WRITE) == "ask"


@pytest.mark.parametrize(
    ("pattern", "fitting", "unfitting"),
    [
        ("src/**", ["src", "src/a", "src/a/b"], ["srcx", "a/src/b"]),
        ("src/*.py", ["src/a.py"], ["src/a/b.py", "src/a.pyc"]),
        ("*.md", ["a.md", "b/c/a.md"], ["a.mdx"]),
        ("**/test_?.py", ["test_1.py", "a/b/test_1.py"], ["test_12.py"]),
        ("/etc/**", ["/etc/passwd"], ["etc/passwd"]),
        ("a/[!b]c", ["a/xc"], ["a/bc", "a//c"]),
        ("**", ["a", "b/c"], []),
        ("a[", ["x/a["], ["a"]),
    ],
)
def test_path_patterns_are_globs(pattern, fitting, unfitting):
    rules = agent.Permissions(allow=[f"write_file({pattern})"])
    for text in fitting:
        assert effect(rules, "write_file", path(text), WRITE) == "allow", text
    for text in unfitting:
        assert effect(rules, "write_file", path(text), WRITE) == "ask", text


def test_a_refused_path_is_refused_in_any_case_and_to_any_tool_of_the_pattern():
    rules = agent.Permissions(deny=["*_file(.env)"])
    for tool in ("read_file", "write_file"):
        assert effect(rules, tool, path("deep/.ENV"), READ) == "deny"
    assert rules.denied_paths("read_file", "search_files") == [".env"]


@pytest.mark.parametrize("rule", ["", "(x)", "bash(", "bash)", "ba sh", "bash(x", "a/b(c)"])
def test_a_rule_that_can_not_be_read_is_named(rule):
    with pytest.raises(agent.RuleInvalid) as caught:
        agent.Permissions(allow=[rule])
    assert caught.value.rule == rule


def test_rules_are_listed_in_order_of_force():
    rules = agent.Permissions(allow=["a"], ask=["b"], deny=["c"])
    rules.remember("d", effect="allow")
    rules.remember("d", effect="allow")
    assert rules.rules() == [
        ("deny", "c", False),
        ("allow", "d", True),
        ("ask", "b", False),
        ("allow", "a", False),
    ]


@pytest.mark.parametrize(
    ("subject", "rules"),
    [
        (bash("git push origin"), ["t(=git push origin)", "t(git push *)", "t(git *)", "t"]),
        (bash("ls"), ["t(=ls)", "t(ls *)", "t"]),
        (bash("a; b"), ["t(=a; b)", "t"]),
        (bash("ls *.py"), ["t(=ls *.py)", "t"]),
        (path("src/a.py"), ["t(=src/a.py)", "t(src/**)", "t"]),
        (path("a.py"), ["t(=a.py)", "t"]),
        (agent.Subject(kind="none"), ["t"]),
    ],
)
def test_a_question_offers_rules_from_narrow_to_wide(subject, rules):
    assert list(suggested_rules("t", subject)) == rules
    if subject.text:
        for rule in rules:
            allowed = agent.Permissions(allow=[rule])
            assert effect(allowed, "t", subject) == "allow"


def test_a_text_subject_is_compared_as_a_text():
    rules = agent.Permissions(allow=["fetch(https://example.org/*)"])
    assert (
        effect(rules, "fetch", agent.Subject(kind="text", text="https://example.org/a")) == "allow"
    )
    assert effect(rules, "fetch", agent.Subject(kind="text", text="https://evil.org/")) == "ask"
