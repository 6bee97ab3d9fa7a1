"""What a question finds, and what it never finds."""

import threading

import pytest
from tests.rooms.memory.recall.conftest import DAY_US, NOW_US, Ask, Say

from novacore import journal, memory
from novacore.kit import FixedClock

_NOISE = (
    "The weather was grey all week and nobody wanted to go out.",
    "Remember to buy bread, butter and apples on the way home.",
    "The meeting was moved to the small room on the second floor.",
    "I watched an old film about pirates and fell asleep.",
    "Our neighbour painted the fence and the cat at the same time.",
)


def _noise(say: Say, **options: object) -> None:
    for text in _NOISE:
        say(text, **options)


def test_what_was_appended_a_moment_ago_is_found(say: Say, ask: Ask) -> None:
    _noise(say)
    assert ask("telescope") == []
    say("I bought a telescope from a retired teacher.")
    assert ask("What did I buy from the teacher?")[0].startswith("I bought a telescope")


def test_a_word_is_found_in_another_form(say: Say, ask: Ask) -> None:
    _noise(say)
    say("She was adopting two dogs from the shelter.")
    assert "adopting" in ask("who adopted a dog")[0]


def test_a_hit_says_where_it_is_and_why(say: Say, recall: memory.Recall) -> None:
    _noise(say)
    done = say("The key is under the blue flower pot.", name="Mira")
    hit = recall.recall("where is the key")[0]
    assert hit.session == "talk"
    assert hit.session.id == hit.entry.session_id
    assert hit.position == done.positions[0]
    assert dict(hit.message) == dict(hit.entry.body)
    assert hit.speaker == "Mira"
    assert hit.sources == ((hit.session.id, hit.position),)
    assert 0 < hit.score < 1
    assert hit.parts["fields"] > 0


def test_the_parts_of_a_score_add_up_to_it(say: Say, recall: memory.Recall) -> None:
    _noise(say)
    hit = recall.recall("bread and butter")[0]
    logit = sum(hit.parts.values())
    assert hit.score == pytest.approx(1 / (1 + 2.718281828459045**-logit), abs=1e-3)


def test_neighbouring_turns_come_along(say: Say, recall: memory.Recall) -> None:
    for text in ("zero", "one", "the walrus sang", "three", "four"):
        say(text)
    hit = recall.recall("walrus", neighbours=2)[0]
    assert [each.message["content"] for each in hit.before] == ["zero", "one"]
    assert [each.message["content"] for each in hit.after] == ["three", "four"]
    assert recall.recall("walrus", neighbours=0)[0].before == ()


def test_a_turn_is_found_by_the_words_of_the_turn_before_it(say: Say, ask: Ask) -> None:
    _noise(say)
    say("Which instrument does your grandmother play?", name="Ana")
    say("The cello, since she was nine.", name="Ben")
    _noise(say, session="other")
    assert "The cello, since she was nine." in ask("instrument of the grandmother")[:2]


def test_a_named_speaker_comes_before_another_one_who_said_the_same(say: Say, ask: Ask) -> None:
    _noise(say)
    say("I started to learn Korean in spring.", name="Ana")
    _noise(say)
    say("I started to learn Welsh in spring.", name="Ben")
    assert "Welsh" in ask("Which language did Ben start to learn?")[0]
    assert "Korean" in ask("Which language did Ana start to learn?")[0]


def test_a_speaker_named_in_the_text_counts_as_one(say: Say, ask: Ask) -> None:
    _noise(say)
    say("Ana: I started to learn Korean in spring.")
    _noise(say)
    say("Ben: I started to learn Welsh in spring.")
    assert ask("Which language did Ben start to learn?")[0] == "I started to learn Welsh in spring."


def test_a_question_for_when_prefers_a_turn_that_says_when(say: Say, ask: Ask) -> None:
    say("The parcel with the lamp arrived and it is lovely.")
    _noise(say, session="other")
    say("The parcel with the lamp arrived last Tuesday.", session="third")
    assert "Tuesday" in ask("When did the parcel with the lamp arrive?")[0]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did we plan last March?", "march"),
        ("What did we plan on 7 May 2023?", "may"),
        ("What did we plan yesterday?", "yesterday"),
        ("What did we plan on 2023-05-07?", "may"),
        ("What did we plan in 2022?", "2022"),
    ],
)
def test_a_named_time_finds_what_was_said_then(
    say: Say, recall: memory.Recall, question: str, expected: str
) -> None:
    times = {
        "march": 1_710_000_000_000_000,
        "may": 1_683_450_000_000_000,
        "yesterday": NOW_US - DAY_US,
        "2022": 1_660_000_000_000_000,
    }
    for name, at_us in times.items():
        _noise(say, session=name, at_us=at_us)
        say("We made a plan for the holidays.", session=name, at_us=at_us)
    hits = recall.recall(question, diversity=0.0)
    assert hits[0].session == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ('"under the bridge"', "We met under the bridge."),
        ('who said "bridge under"', "The bridge under repair is closed."),
        ("OPS-412", "Closed as OPS-412 today."),
        ("what is in src/app/main.py", "I changed src/app/main.py again."),
        ("port 8443", "It listens on port 8443."),
        ("10000 euros", "It costs 10,000 euros."),
        ("192.168.0.17", "The printer is 192.168.0.17 now."),
        ("getUserName", "Rename getUserName please."),
        ("user name function", "Rename getUserName please."),
    ],
)
def test_what_must_match_exactly_is_first(say: Say, ask: Ask, question: str, expected: str) -> None:
    texts = (
        "We met under the bridge.", "The bridge under repair is closed.",
        "Under a bridge we met again, by the other bridge.", "Closed as OPS-412 today.",
        "Closed as OPS-413 today, see OPS and 412.", "I changed src/app/main.py again.",
        "The main app has a src folder and some py files.", "It listens on port 8443.",
        "It listens on port 8444.", "It costs 10,000 euros.", "It costs 1,000 euros.",
        "The printer is 192.168.0.17 now.", "The scanner is 192.168.0.71 now.",
        "Rename getUserName please.",
    )  # fmt: skip
    for number, text in enumerate(texts):
        say(text, session=f"talk {number}")
    assert ask(question)[0] == expected


def test_a_name_is_found_without_its_diacritics_and_better_with_them(say: Say, ask: Ask) -> None:
    say("Lunch with Jose was nice.", session="a")
    say("Lunch with José was nice.", session="b")
    _noise(say, session="c")
    assert set(ask("jose lunch", diversity=0.0)[:2]) == {
        "Lunch with Jose was nice.",
        "Lunch with José was nice.",
    }
    assert ask("José lunch", diversity=0.0)[0] == "Lunch with José was nice."


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("東京タワー", "昨日は東京タワーに行きました。"),
        ("北京烤鸭", "我非常喜欢北京烤鸭。"),
        ("「東京タワー」", "昨日は東京タワーに行きました。"),
        ("iPhone", "新しいiPhone15を買いました。"),
    ],
)
def test_chinese_and_japanese_are_found(say: Say, ask: Ask, question: str, expected: str) -> None:
    texts = (
        "昨日は東京タワーに行きました。", "京都の寺は静かでした。", "我非常喜欢北京烤鸭。",
        "上海的天气很热。", "新しいiPhone15を買いました。",
    )  # fmt: skip
    for number, text in enumerate(texts):
        say(text, session=f"talk {number}")
    assert ask(question)[0] == expected


def test_another_owner_is_never_found(store: journal.JournalStore, clock: FixedClock) -> None:
    other = store.for_owner(journal.Scope(tenant="local", owner="mallory"))
    store.session("mine").append({"role": "user", "content": "the secret is plutonium"})
    other.session("theirs").append({"role": "user", "content": "the secret is polonium"})
    with memory.Recall(store, clock=clock) as mine, memory.Recall(other, clock=clock) as theirs:
        assert [hit.text for hit in mine.recall("secret")] == ["the secret is plutonium"]
        assert [hit.text for hit in theirs.recall("secret")] == ["the secret is polonium"]


def test_filters_are_part_of_the_search_and_starve_nothing(say: Say, ask: Ask) -> None:
    for number in range(300):
        say(f"The tide table number {number} hangs in the harbour.", session=f"other {number % 7}")
    say("A tide, they said.", session="mine", workspace="/home/ana/boats")
    assert ask("tide table in the harbour", session="mine") == ["A tide, they said."]
    assert ask("tide table in the harbour", project="/home/ana") == ["A tide, they said."]


def test_projects_and_agents_match_by_whole_segments(say: Say, ask: Ask) -> None:
    say("walnut one", session="a", workspace="/srv/app", actor="team/writer")
    say("walnut two", session="b", workspace="/srv/app/web", actor="team/writer/draft")
    say("walnut three", session="c", workspace="/srv/apple", actor="team/writers")
    assert set(ask("walnut", project="/srv/app")) == {"walnut one", "walnut two"}
    assert set(ask("walnut", project="/srv/app/")) == {"walnut one", "walnut two"}
    assert set(ask("walnut", agent="team/writer")) == {"walnut one", "walnut two"}


def test_a_time_range_takes_its_start_and_leaves_its_end(say: Say, ask: Ask) -> None:
    for day in range(5):
        say(f"hedgehog {day}", session=f"{day}", at_us=NOW_US - day * DAY_US)
    found = ask("hedgehog", since_us=NOW_US - 3 * DAY_US, until_us=NOW_US - DAY_US)
    assert set(found) == {"hedgehog 2", "hedgehog 3"}


def test_a_fork_finds_what_it_shares_and_not_what_came_after(
    store: journal.JournalStore, recall: memory.Recall
) -> None:
    session = store.session("trunk")
    for text in ("owl one", "owl two", "owl three"):
        session.append({"role": "user", "content": text})
    fork = session.fork(at=2, name="branch")
    fork.append({"role": "user", "content": "owl four"})
    found = {hit.text for hit in recall.recall("owl", session="branch")}
    assert found == {"owl one", "owl two", "owl four"}


def test_memories_are_found_as_they_are_now(
    store: journal.JournalStore, clock: FixedClock, recall: memory.Recall
) -> None:
    memories = memory.Memories(store, clock=clock)
    kept = memories.create("Noor likes plum cake", type="fact", tags=["food"], confidence=0.9)
    memories.create("Noor likes long walks", type="lesson", confidence=0.2)
    hit = recall.recall("what does Noor like", kind="memory", tag="food")[0]
    assert (hit.text, hit.kind) == ("Noor likes plum cake", "memory")
    assert len(recall.recall("Noor", confidence_min=0.5)) == 1
    assert [each.text for each in recall.recall("Noor", tag="type:lesson")] == [
        "Noor likes long walks"
    ]
    memories.edit(kept.id, text="Noor likes cherry cake")
    assert [each.text for each in recall.recall("Noor", tag="food")] == ["Noor likes cherry cake"]
    memories.delete(kept.id)
    assert recall.recall("Noor cake", tag="food") == []


def test_one_text_said_a_thousand_times_leaves_room_for_others(say: Say, ask: Ask) -> None:
    for _ in range(1_000):
        say("The build failed again.", session="ci")
    say("The build failed because the disk was full.", session="notes")
    say("After the build failed we bought a larger disk.", session="notes")
    found = ask("Why has the build failed?", limit=3)
    assert len(set(found)) == 3


def test_diversity_moves_a_repetition_down(say: Say, ask: Ask) -> None:
    say("The red fox jumped over the sleeping dog at the old mill.", session="a")
    say("The red fox jumped over the sleeping dog at the old barn.", session="b")
    say("A fox was seen by the mill.", session="c")
    _noise(say, session="d")
    question = "the red fox jumped over the sleeping dog at the old mill"
    assert "barn" in ask(question, diversity=0.0)[1]
    assert "seen by the mill" in ask(question, diversity=1.0)[1]


def test_a_budget_of_tokens_is_kept_and_gives_at_least_one(say: Say, recall: memory.Recall) -> None:
    for number in range(10):
        say(f"otter {number} " + "swims in the river " * 20, session=f"{number}")
    assert len(recall.recall("otter", tokens_max=1)) == 1
    few = len(recall.recall("otter", tokens_max=300, neighbours=0))
    assert 1 <= few < 10


def test_a_tools_output_and_a_call_are_found(
    store: journal.JournalStore, recall: memory.Recall
) -> None:
    call = {"type": "tool_use", "id": "c", "name": "grep", "input": {"pattern": "zeppelin"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "c",
        "content": [{"type": "text", "text": "airship.py:3"}],
    }
    store.session("s").append(
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, call]},
        {"role": "user", "content": [result]},
    )
    assert recall.recall("zeppelin")[0].position == 0
    assert recall.recall("airship.py")[0].position == 1


def test_only_stop_words_still_give_an_answer_or_none_but_no_error(say: Say, ask: Ask) -> None:
    _noise(say)
    assert isinstance(ask("what is it that they did to you"), list)


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "  "},
        {"limit": 0},
        {"limit": 1_000_000},
        {"kind": "usage"},
        {"tier": "forever"},
        {"diversity": 2.0},
    ],
)
def test_what_can_not_be_asked_is_refused_in_words(recall: memory.Recall, wrong: dict) -> None:
    with pytest.raises(memory.QueryRefused):
        recall.recall(**({"text": "ok"} | wrong))


def test_an_unknown_session_is_named(recall: memory.Recall) -> None:
    with pytest.raises(journal.SessionUnknown):
        recall.recall("anything", session="nowhere")


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800 lone", "🦊" * 500, "a" * 20_000, "((([[[", "' OR 1"]
)
def test_odd_questions_and_texts_do_no_harm(say: Say, ask: Ask, text: str) -> None:
    say(text)
    _noise(say)
    assert isinstance(ask(text), list)


def test_threads_may_ask_and_append_at_once(say: Say, ask: Ask) -> None:
    problems: list[Exception] = []

    def work(number: int) -> None:
        try:
            for step in range(20):
                say(f"marmot {number} {step}", session=f"{number}")
                assert ask(f"marmot {number} {step}")
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_the_ranker_can_be_left_out(store: journal.JournalStore, say: Say) -> None:
    _noise(say)
    config = memory.RecallConfig(ranker="fusion")
    with memory.Recall(store, config=config) as fused:
        hit = fused.recall("bread and butter")[0]
    assert "bread" in hit.text
    assert set(hit.parts) <= {"bias", "fields", "vector_around", "exact", "phrase", "recency"}
