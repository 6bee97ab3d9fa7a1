"""How long the write-ahead log gets before it is folded into the file."""

import pytest

from novacore import journal

MIB = 1024 * 1024


def log_bytes(folder, *, appends, entries):
    message = {"role": "user", "content": "x" * 1_500}
    longest = 0
    with journal.open_store(folder, config=journal.Config(checkpoint_bytes=8 * MIB)) as store:
        session = store.session("talk")
        for _ in range(appends):
            session.append(*[message] * entries)
            if store._core.engine._folding is not None:
                store._core.engine._folding.join()
            longest = max(longest, (folder / "journal.db-wal").stat().st_size)
        assert len(session.open()) == appends * entries
    return longest


@pytest.mark.parametrize(("appends", "entries", "at_least", "at_most"), [
    (300, 1, 1 * MIB, 2 * MIB),
    (20, 300, 4 * MIB, 24 * MIB),
])  # fmt: skip
def test_the_log_of_a_lone_caller_is_folded_early(tmp_path, appends, entries, at_least, at_most):
    assert at_least <= log_bytes(tmp_path, appends=appends, entries=entries) <= at_most
