"""What the document tier is read for: see `DocumentReads`."""

import pytest
from tests.contracts.tier_engines import of_tier, stage_of
from tests.contracts.tier_records import odd_records, said, session_id

from novacore.journal import Erased, Scope, decode_exact

ME = Scope()
TALK = session_id("talk")


@pytest.fixture(params=of_tier("document"), ids=str)
def stage(request, quick_path):
    with stage_of(request.param, request, quick_path) as found:
        yield found


@pytest.fixture
def documents(stage):
    return stage.open()


def test_a_session_is_documents_of_256_entries_each(stage, documents):
    for start in (0, 300):
        records = [said(str(at), position=at) for at in range(start, min(start + 300, 600))]
        documents.apply(stage.batch(records))
    found = [documents.document(ME, TALK, number=number) for number in range(4)]
    assert [each and len(each["entries"]) for each in found] == [256, 256, 88, None]
    assert [entry["position"] for entry in found[1]["entries"]] == list(range(256, 512))
    assert (found[2]["session_id"], found[2]["number"]) == (TALK, 2)
    assert (found[2]["tenant"], found[2]["owner"]) == ("local", "local")


def test_a_document_holds_its_entries_whole(stage, documents):
    records = odd_records()
    documents.apply(stage.batch(records))
    entries = documents.document(ME, TALK, number=0)["entries"]
    bodies = [decode_exact(entry["body"], mark=entry.get("mark", "")) for entry in entries]
    assert list(map(repr, bodies)) == [repr(dict(each.body)) for each in records]
    assert [entry["kind"] for entry in entries] == [each.kind for each in records]
    assert [entry["sequence"] for entry in entries] == [each.sequence for each in records]
    assert entries[2]["role"] == "tool"


def test_a_fork_has_documents_of_its_own_entries(stage, documents):
    facts = {"session": "fork", "parent_id": TALK, "forked_at": 300}
    documents.apply(stage.batch([said("x", position=at, **facts) for at in (300, 301)]))
    fork = session_id("fork")
    assert documents.document(ME, fork, number=0) is None
    entries = documents.document(ME, fork, number=1)["entries"]
    assert [(entry["position"], entry["parent_id"]) for entry in entries] == [
        (300, TALK),
        (301, TALK),
    ]


def test_a_document_of_another_owner_is_not_given(stage, documents):
    documents.apply(stage.batch([said("x", owner="user/1")]))
    assert documents.document(Scope(owner="user/10"), TALK, number=0) is None
    assert documents.document(ME, TALK, number=0) is None
    assert documents.document(Scope(owner="user/1"), TALK, number=0)


def test_an_erased_entry_is_no_more_in_its_document_and_an_empty_one_is_none(stage, documents):
    documents.apply(stage.batch([said(str(at), position=at) for at in range(3)]))
    for positions, left in (((1,), [0, 2]), ((0, 2), None)):
        erased = Erased(number=1, session_id=TALK, positions=positions, at_us=0)
        documents.apply(stage.batch_of(erased=[erased]))
        found = documents.document(ME, TALK, number=0)
        assert (found and [entry["position"] for entry in found["entries"]]) == left
