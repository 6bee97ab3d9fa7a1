"""What `make bench-recall` reads and counts."""

import json

import pytest
from benchmarks.recall.conversations import append_conversation, read_conversations
from benchmarks.recall.metrics import Ranking, table_row

from novacore import journal


@pytest.fixture
def data(tmp_path):
    raw = {
        "sample_id": "one",
        "conversation": {
            "speaker_a": "Ana",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Ana", "dia_id": "D1:1", "text": "Hello"},
                {"speaker": "Ben", "dia_id": "D1:2", "text": "Hi"},
            ],
            "session_2_date_time": "9:00 am on 1 June, 2023",
            "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "Again"}],
        },
        "qa": [
            {"question": "Who?", "evidence": ["D1:2; D2:1"], "category": 1},
            {"question": "Odd?", "evidence": ["D:1:01", "D"], "category": 2},
            {"question": "Never?", "evidence": ["D9:9"], "category": 3},
        ],
    }
    path = tmp_path / "data.json"
    path.write_text(json.dumps([raw]))
    return path


def test_evidence_with_several_separators_is_split_and_what_is_missing_is_left_out(data):
    (conversation,) = read_conversations(data)
    assert [each.evidence for each in conversation.questions] == [{"D1:2", "D2:1"}, {"D1:1"}]


def test_turns_are_appended_with_their_speaker_and_time(data):
    (conversation,) = read_conversations(data)
    with journal.open_memory() as store:
        keys = append_conversation(store, conversation)
        entries = store.read(0, 10)
    assert sorted(keys.values()) == ["D1:1", "D1:2", "D2:1"]
    assert [entry.body["name"] for entry in entries] == ["Ana", "Ben", "Ben"]
    assert entries[0].said_at_us == 1_683_554_160_000_000


def test_the_figures_of_a_ranking_are_as_defined():
    ranking = Ranking(
        found=["x", "a", "y", "b"],
        sessions=["1", "2", "1", "3"],
        evidence=frozenset({"a", "c"}),
        wanted_sessions=frozenset({"2"}),
        category=1,
    )
    recall_5, recall_10, any_10, ndcg, hit_1, any_5, sess_10 = table_row([ranking])
    assert (recall_5, recall_10, any_10) == (0.5, 0.5, 1.0)
    assert ndcg == pytest.approx((1 / 1.585) / (1 + 1 / 1.585), abs=1e-3)
    assert (hit_1, any_5, sess_10) == (0.0, 1.0, 1.0)
