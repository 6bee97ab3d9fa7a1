"""The process that remembers for a server, so that turns need not share their interpreter with it.

Started by `MemoryProcess`, as `python -m novacore.bootstrap.memory_process`. It takes its settings
and then requests from its standard input, answers on its standard output, and ends when the input
does.
"""

import contextlib
import signal
import sys
import threading
from concurrent import futures
from typing import BinaryIO, Final

from novacore import bootstrap, chat, kit, memory
from novacore.bootstrap import asked
from novacore.bootstrap.chatting import learner
from novacore.bootstrap.library import MemoryStore
from novacore.bootstrap.memory_process import wire

_THREADS: Final = 2
"""For questions; one that waits for a large index must not keep all others waiting."""


class Remembering:
    """Answers requests over a store.

    Args:
        store: with what is around it.
        learn: see `chat.LearnFrom`.
        output: where answers go, a line each.
    """

    def __init__(self, store: MemoryStore, *, learn: chat.LearnFrom, output: BinaryIO) -> None:
        self._store = store
        self._learn = learn
        self._output = output
        self._writing = threading.Lock()

    def say(self, answer: wire.Answer) -> None:
        """Send an answer; nobody may be left who reads it."""
        try:
            line = wire.encode(answer)
        except UnicodeEncodeError:  # half of a surrogate pair, which no line can hold
            line = wire.encode(wire.Answer(number=answer.number))
        with self._writing, contextlib.suppress(OSError):
            self._output.write(line)
            self._output.flush()

    def recall(self, request: wire.Recall) -> None:
        """Find, and answer in every case: somebody waits."""
        found: tuple[chat.Found, ...] = ()
        try:
            found = chat.find(
                self._store.for_owner(chat.scope_of(request.account_id)),
                request.text,
                session_id=request.session_id,
                limit=request.limit,
                tokens_max=request.tokens_max,
            )
        finally:
            self.say(wire.Answer(number=request.number, found=found))

    def learn(self, request: wire.Learn) -> None:
        """Learn, and say when it is done; what can't be learnt now is with the next turn."""
        try:
            with contextlib.suppress(kit.NovaError):
                self._learn(request.account_id, request.session_id)
        finally:
            self.say(wire.Answer(number=request.number))


def main() -> int:
    """Answer until standard input ends."""
    # Ctrl+C in the terminal is for the server, which ends us by closing our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    chosen = asked.decode(line)
    try:
        with bootstrap.open_store(chosen) as store:
            learn = learner(
                lambda account_id: store.for_owner(chat.scope_of(account_id)), config=chosen.memory
            )
            remembering = Remembering(store, learn=learn, output=sys.stdout.buffer)
            with contextlib.suppress(kit.NovaError):  # whoever asks first meets it
                memory.load_ahead(store.embedder, config=chosen.memory, recall=chosen.recall)
            _serve(remembering, sys.stdin.buffer)
    except kit.NovaError:
        return 1  # the server remembers in its own process, meets it too and tells its user
    return 0


def _serve(remembering: Remembering, requests: BinaryIO) -> None:
    finding = futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="recall")
    learning = futures.ThreadPoolExecutor(1, thread_name_prefix="learn")
    remembering.say(wire.Answer(number=wire.READY))
    try:
        for line in requests:
            request = wire.read_request(line)
            if isinstance(request, wire.Recall):
                finding.submit(remembering.recall, request)
            else:
                learning.submit(remembering.learn, request)
    finally:
        # What was begun is finished; what waits is with the next turn.
        finding.shutdown(cancel_futures=True)
        learning.shutdown(cancel_futures=True)


if __name__ == "__main__":
    sys.exit(main())
