"""kill -9 in mid-load: every call that reached the model has exactly one row in the ledger."""

import pytest
from benchmarks.load import kills


@pytest.mark.heavy
def test_a_server_that_is_killed_in_mid_load_counts_every_call_once():
    found = kills.storm(2, seed=7)
    assert found.problems == []
    assert found.calls > found.kills * 4
    assert found.rows == found.calls + found.uncalled
