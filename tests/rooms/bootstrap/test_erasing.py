"""What erasing a session reaches, and what must stay."""

import novacore
from novacore import bootstrap, journal


def _usage(hold: str | None) -> journal.NewEntry:
    body = {"model": "m", "input_tokens": 3} | ({} if hold is None else {"hold": hold})
    return journal.NewEntry(kind="usage", body=body)


def _kinds(session: journal.Session) -> list[tuple[str, bool]]:
    return [(entry.kind, entry.is_erased) for entry in session.open().entries]


def test_a_session_goes_with_its_name_where_nobody_was_charged(tmp_path):
    with novacore.open(tmp_path) as store:
        session = store.session("secret")
        session.append({"role": "user", "content": "words"}, _usage(None))
        target = bootstrap.find_session(store, session)
        bootstrap.erase(store, target)
        assert target.entries == 2
        assert store.list_sessions() == []


def test_what_a_metered_call_cost_stays_when_its_session_is_erased(tmp_path):
    with novacore.open(tmp_path) as store:
        session = store.session("charged")
        session.append({"role": "user", "content": "words"}, _usage("hold-1"))
        target = bootstrap.find_session(store, session)
        bootstrap.erase(store, target)
        assert target.entries == 1
        assert _kinds(session) == [("message", True), ("usage", False)]


def test_erasing_an_owner_takes_what_was_charged_too(tmp_path):
    with novacore.open(tmp_path) as store:
        store.session("charged").append({"role": "user", "content": "words"}, _usage("hold-1"))
        bootstrap.erase(store, bootstrap.find_owner(store))
        assert store.list_sessions() == []
