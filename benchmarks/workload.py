"""A conversation from a seed: what a long agent session looks like, without anybody's text.

738 messages: rounds of a request, steps with thinking, tool calls and results, and an answer. Most
of it is English and program text, with some accents, Chinese, Japanese, Korean and emoji; sizes of
tool results have a long tail, as they do in life.
"""

import base64
import json
import random
from typing import Any

Message = dict[str, Any]

MESSAGES = 738
SEED = 20_260_101

_WORDS = [
    "the", "a", "of", "to", "and", "in", "that", "it", "is", "for", "with", "as", "on", "this",
    "we", "be", "by", "at", "from", "or", "not", "are", "an", "which", "when", "file", "test",
    "function", "value", "error", "path", "session", "message", "journal", "entry", "reader",
    "writer", "index", "commit", "because", "should", "would", "after", "before", "only",
    "each", "every", "first", "last", "next", "new", "old", "same", "other", "write", "read",
    "open", "close", "check", "change", "return", "call", "result", "list", "table", "column",
    "request", "response", "server", "client", "worker", "queue", "thread", "process", "memory",
    "disk", "limit", "timeout", "retry", "update", "query", "schema", "model", "stream",
    "token", "parse", "encode", "decode", "build", "deploy", "branch", "merge", "review",
    "issue", "patch", "release", "version", "expected", "found", "missing", "wrong", "right",
    "slow", "fast", "large", "small", "empty", "whole", "broken", "stable", "current",
]  # fmt: skip
_NAMES = [
    "session", "reader", "writer", "parser", "cache", "index", "buffer", "frame", "entry",
    "offset", "header", "payload", "handler", "config", "store", "client", "request",
    "response", "window", "cursor", "chunk", "batch", "record", "segment", "key", "value",
]  # fmt: skip
_FOREIGN = (
    "Der Prüfling läuft; die Größe stimmt nicht überein, bitte noch einmal prüfen.",
    "Le fichier a été modifié après la dernière vérification, c'est là que ça échoue.",
    "La sesión continúa donde terminó, mañana añadimos más pruebas.",
    "会话从上次结束的地方继续，所有消息都保存完好，没有任何内容丢失。",
    "次のステップでは、設定ファイルを読み込み、テストを実行してください。",
    "다음 단계에서는 오류 메시지를 확인하고 테스트를 다시 실행합니다.",
    "Готово: все проверки прошли, можно выпускать. ✅🚀",
    "Looks good 👍 — shipping it 🎉 (naïve café résumé)",
)
_TOOLS = ("bash", "read_file", "edit_file", "search_files", "list_files", "write_file")


class _Author:
    """Writes the pieces of a conversation from one source of randomness."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.calls = 0

    def sentence(self) -> str:
        words = self.random.choices(_WORDS, k=self.random.randint(6, 18))
        return " ".join(words).capitalize() + "."

    def prose(self, size: int) -> str:
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            is_foreign = self.random.random() < 0.02
            parts.append(self.random.choice(_FOREIGN) if is_foreign else self.sentence())
        return " ".join(parts)

    def name(self) -> str:
        return "_".join(self.random.sample(_NAMES, self.random.randint(1, 2)))

    def program(self, size: int) -> str:
        lines: list[str] = []
        while sum(map(len, lines)) < size:
            name, value = self.name(), self.name()
            lines += [
                f"def {name}({value}: bytes, *, limit: int = {self.random.randint(1, 4096)}):",
                f'    """{self.sentence()}"""',
                f"    if len({value}) > limit:",
                f'        raise ValueError(f"{name}: {{len({value})}} bytes")',
                f"    return [{self.name()}.{self.name()} for item in {value}.items()]",
                "",
            ]
        return "\n".join(lines)

    def log(self, size: int) -> str:
        lines: list[str] = []
        while sum(map(len, lines)) < size:
            lines.append(
                f"tests/rooms/{self.name()}/test_{self.name()}.py:{self.random.randint(1, 500)} "
                f"{self.random.choice(('PASSED', 'PASSED', 'FAILED', 'warning:'))} "
                f"{' '.join(self.random.choices(_WORDS, k=5))} [{self.random.randint(1, 100)}%]"
            )
        return "\n".join(lines)

    def output(self) -> str:
        size = min(60_000, int(self.random.lognormvariate(6.14, 1.25)))
        return self.random.choice((self.program, self.log, self.prose))(size)

    def thinking(self) -> Message:
        raw = self.random.randbytes(self.random.randint(250, 750))
        return {
            "type": "thinking",
            "thinking": self.prose(int(self.random.lognormvariate(5.55, 0.8))),
            "signature": base64.b64encode(raw).decode(),
        }

    def call(self) -> Message:
        self.calls += 1
        name = self.random.choice(_TOOLS)
        fields: Message = {"path": f"src/{self.name()}/{self.name()}.py"}
        if name == "bash":
            fields = {"command": f"pytest -q {fields['path']}", "timeout_s": 120}
        elif name == "edit_file":
            fields |= {"old": self.program(120), "new": self.program(160)}
        elif name == "search_files":
            fields = {"pattern": self.name(), "limit": 50, "ratio": 0.5, "hidden": False}
        raw = self.random.randbytes(16)
        return {
            "type": "tool_use",
            "id": f"toolu_{base64.b32encode(raw).decode().rstrip('=')}",
            "name": name,
            "input": fields,
        }

    def step(self) -> list[Message]:
        """An assistant's message with thinking and one to three calls, and their results."""
        calls = [self.call() for _ in range(self.random.choice((1, 1, 1, 1, 2, 3)))]
        content: list[Message] = [self.thinking()]
        if self.random.random() < 0.5:
            content.append({"type": "text", "text": self.prose(120)})
        found: list[Message] = [{"role": "assistant", "content": [*content, *calls]}]
        for call in calls:
            result: Message = {
                "role": "tool",
                "tool_call_id": call["id"],
                "name": call["name"],
                "content": self.output(),
            }
            if self.random.random() < 0.05:
                result["is_error"] = True
            found.append(result)
        return found

    def request(self) -> Message:
        return {"role": "user", "content": self.prose(int(self.random.lognormvariate(5.2, 0.9)))}

    def answer(self) -> Message:
        text = {"type": "text", "text": self.prose(int(self.random.lognormvariate(6.2, 0.7)))}
        return {"role": "assistant", "content": [self.thinking(), text]}


def conversation(count: int = MESSAGES, *, seed: int = SEED) -> list[Message]:
    """A conversation of `count` messages that begins with a request and ends with an answer."""
    author = _Author(seed)
    found: list[Message] = []
    while True:
        found.append(author.request())
        for _ in range(author.random.randint(1, 9)):
            step = author.step()
            if len(found) + len(step) + 1 > count:
                break
            found += step
        found.append(author.answer())
        if len(found) >= count - 2:
            break
    while len(found) < count:
        found[-1:-1] = [author.answer(), author.request()][: count - len(found)]
    return found[:count]


def compact(messages: list[Message]) -> bytes:
    """The conversation as a compact JSON file."""
    return json.dumps(messages, ensure_ascii=False, separators=(",", ":")).encode()


def indented(messages: list[Message]) -> bytes:
    """The conversation as an indented JSON file."""
    return json.dumps(messages, ensure_ascii=False, indent=2).encode()
