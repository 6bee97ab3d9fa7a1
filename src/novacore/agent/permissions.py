"""What the agent may do: rules per tool and pattern, and the answers that the user gave.

The order is: refused, then remembered answers, then to be asked, then allowed, then what holds
where no rule speaks. Pure: asking and recording are done by whoever uses it.
"""

import dataclasses
import fnmatch
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal, TypeAlias

from novacore.agent import command, errors
from novacore.agent.config import Config
from novacore.agent.finder import glob_regex
from novacore.agent.tool import Access, Subject
from novacore.llm import ToolCall

Effect: TypeAlias = Literal["allow", "ask", "deny"]
Scope: TypeAlias = Literal["once", "session", "always"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: which tool, and which of its calls."""

    tool: str
    """The tool's name; `*` and `?` stand for others."""
    pattern: str = ""
    """Empty: every call. "=…": exactly this path or command. Else a path glob, or words."""

    def __str__(self) -> str:
        return f"{self.tool}({self.pattern})" if self.pattern else self.tool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """What holds for one call, and why."""

    effect: Effect
    rule: str
    """The rule that decided, as written; empty where none did."""
    reason: str
    """Why, in one sentence."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """What the user is asked before a call runs."""

    call: ToolCall
    subject: Subject
    reason: str
    """Why it is asked, in one sentence."""
    rules: tuple[str, ...]
    """What an answer for more than once may cover, narrowest first; never empty."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What the user said to a question."""

    effect: Literal["allow", "deny"]
    scope: Scope = "once"
    """once: this call. session: this session. always: every session of this workspace."""
    rule: str = ""
    """Which of the question's rules it covers; empty: the narrowest."""
    message: str = ""
    """What the model is told beside a refusal; may be empty."""


Ask: TypeAlias = Callable[[Question], Awaitable[Answer]]
"""Asks the user. Cancelling it must take the question away."""


def parse_rule(text: str) -> Rule:
    """The rule that `text` says.

    Raises:
        RuleInvalid: it is neither "tool" nor "tool(pattern)".
    """
    text = text.strip()
    tool, bracket, pattern = text.partition("(")
    is_whole = not bracket or (pattern.endswith(")") and len(pattern) > 1)
    if not tool.strip() or not is_whole or any(char in tool for char in "()/ "):
        raise errors.RuleInvalid(f'The permission rule "{text}" can\'t be read.', rule=text)
    return Rule(tool=tool.strip(), pattern=pattern[:-1] if bracket else "")


class Permissions:
    """Rules and remembered answers; decides about one call at a time, without asking anybody."""

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        ask: Iterable[str] = (),
        deny: Iterable[str] = (),
        default: Effect = "ask",
    ) -> None:
        """Read the rules.

        Raises:
            RuleInvalid: one of them can't be read.
        """
        self.default: Effect = default
        self._rules: dict[Effect, list[Rule]] = {
            "deny": [parse_rule(each) for each in deny],
            "ask": [parse_rule(each) for each in ask],
            "allow": [parse_rule(each) for each in allow],
        }
        self._remembered: dict[Effect, list[Rule]] = {"allow": [], "deny": []}

    def decide(self, tool: str, *, access: Access, subject: Subject) -> Decision:
        """What holds for a call of `tool` about `subject`."""
        layers: list[tuple[Effect, list[Rule]]] = [
            ("deny", self._rules["deny"]),
            ("deny", self._remembered["deny"]),
            ("allow", self._remembered["allow"]),
            ("ask", self._rules["ask"]),
            ("allow", self._rules["allow"]),
        ]
        for effect, rules in layers:
            rule = _find(rules, tool=tool, subject=subject, is_allowing=effect == "allow")
            if rule:
                return Decision(effect=effect, rule=rule, reason=f"The rule {rule} says {effect}.")
        is_outside = subject.kind == "path" and subject.text.startswith("/")
        if access is Access.NOTHING or (access is Access.READ and not is_outside):
            return Decision(effect="allow", rule="", reason="It changes nothing.")
        return Decision(
            effect=self.default,
            rule="",
            reason="No rule allows it; agent.permissions_default says " + self.default + ".",
        )

    def remember(self, rule: str, *, effect: Literal["allow", "deny"]) -> None:
        """Let an answer hold from now on; recording it is the caller's part."""
        read = parse_rule(rule)
        if read not in self._remembered[effect]:
            self._remembered[effect].append(read)

    def forget_remembered(self) -> None:
        """Let no remembered answer hold any longer."""
        for rules in self._remembered.values():
            rules.clear()

    def rules(self) -> list[tuple[Effect, str, bool]]:
        """Every rule: effect, text, and whether it is a remembered answer; in order of force."""
        layers: list[tuple[Effect, bool]] = [
            ("deny", False),
            ("deny", True),
            ("allow", True),
            ("ask", False),
            ("allow", False),
        ]
        return [
            (effect, str(rule), is_remembered)
            for effect, is_remembered in layers
            for rule in (self._remembered if is_remembered else self._rules)[effect]
        ]

    def denied_paths(self, *tools: str) -> list[str]:
        """The path globs that are refused to any of these tools."""
        return [
            rule.pattern.removeprefix("=")
            for rule in (*self._rules["deny"], *self._remembered["deny"])
            if rule.pattern and any(fnmatch.fnmatchcase(tool, rule.tool) for tool in tools)
        ]


def permissions_from(config: Config) -> Permissions:
    """The rules of the settings.

    Raises:
        RuleInvalid: one of them can't be read.
    """
    default: Effect = "ask"
    if config.permissions_default in ("allow", "deny"):
        default = "allow" if config.permissions_default == "allow" else "deny"
    return Permissions(
        allow=config.permissions_allow,
        ask=config.permissions_ask,
        deny=config.permissions_deny,
        default=default,
    )


def suggested_rules(tool: str, subject: Subject) -> tuple[str, ...]:
    """Rules that would cover a call, narrowest first: this very one, its kind, every call."""
    if subject.kind == "none" or not subject.text:
        return (tool,)
    found = [Rule(tool=tool, pattern="=" + subject.text)]
    if subject.kind == "path" and "/" in subject.text:
        found.append(Rule(tool=tool, pattern=subject.text.rsplit("/", 1)[0] + "/**"))
    if subject.kind == "command":
        found += _command_suggestions(tool, subject.text)
    found.append(Rule(tool=tool))
    return tuple(dict.fromkeys(str(each) for each in found))


def _command_suggestions(tool: str, text: str) -> list[Rule]:
    understood = command.parts(text)
    if not understood or len(understood) > 1:
        return []
    words = understood[0]
    is_plain = all(not set(word) & set("*?[]()") and word.split() == [word] for word in words[:2])
    lengths = [length for length in (2, 1) if length <= len(words)]
    if not is_plain:
        return []
    return [Rule(tool=tool, pattern=" ".join(words[:length]) + " *") for length in lengths]


def _find(rules: list[Rule], *, tool: str, subject: Subject, is_allowing: bool) -> str:
    """The rule that fits the call, as written; empty where none does."""
    mine = [rule for rule in rules if fnmatch.fnmatchcase(tool, rule.tool)]
    for rule in mine:
        if not rule.pattern or rule.pattern == "=" + subject.text:
            return str(rule)
    if subject.kind == "command":
        return _find_command(mine, text=subject.text, is_allowing=is_allowing)
    for rule in mine:
        if not rule.pattern.startswith("=") and _fits(
            rule.pattern, subject, is_allowing=is_allowing
        ):
            return str(rule)
    return ""


def _fits(pattern: str, subject: Subject, *, is_allowing: bool) -> bool:
    if subject.kind == "path":
        regex = glob_regex(pattern, is_case_blind=not is_allowing)
        return regex.match(subject.text) is not None
    return subject.kind == "text" and fnmatch.fnmatchcase(subject.text, pattern)


def _find_command(rules: list[Rule], *, text: str, is_allowing: bool) -> str:
    """To allow, every part must be understood and fit; to refuse or ask, one piece is enough."""
    patterns = [rule for rule in rules if not rule.pattern.startswith("=")]
    if not patterns:
        return ""
    if not is_allowing:
        for words in command.fragments(text):
            for rule in patterns:
                if command.matches(rule.pattern, words, as_prefix=True):
                    return str(rule)
        return ""
    used: list[str] = []
    understood = command.parts(text)
    for words in understood or ():
        rule = next((each for each in patterns if command.matches(each.pattern, words)), None)
        if rule is None:
            return ""
        used.append(str(rule))
    return ", ".join(dict.fromkeys(used))
