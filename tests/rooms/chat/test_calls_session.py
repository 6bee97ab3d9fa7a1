"""The session behind a plain model call: how much of it fits, and what a second try leaves."""

from novacore import journal, llm
from novacore.chat.calls_session import CallSession, _fitting


async def test_what_a_client_says_is_there_once_though_its_call_runs_again(tmp_path):
    with journal.open_store(tmp_path) as store:
        session = store.session("talk")
        new = [{"role": "user", "content": "hi"}, {"role": "user", "content": "there"}]
        made = CallSession(name="talk", owner="ada", opened=session, new=new)
        await made.said(hold_id="h1")
        await made.said(hold_id="h1")
        assert [message["content"] for message in session.messages] == ["hi", "there"]
        await made.said(hold_id="h2")
        assert len(session.messages) == 4


def test_a_long_session_keeps_its_newest_messages_from_a_persons_word_on():
    call = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    past = [
        {"role": "user", "content": "first " * 50},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "a.txt"},
        {"role": "assistant", "content": "There is a.txt."},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "Yes."},
    ]
    costs = [llm.message_tokens(message) for message in past]
    assert _fitting(past, room=sum(costs)) == past
    # Neither a result without its call, nor an answer without its question, may come first.
    for start in (1, 2, 3, 4):
        assert _fitting(past, room=sum(costs[start:])) == past[4:]
    assert _fitting(past, room=0) == []
