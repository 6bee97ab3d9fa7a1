"""Writes the data directory of this release for tests to open for ever: run once, when releasing.

    make_release_fixture.py        writes tests/releases/<version>.tar.xz and <version>.json

The directory holds a bit of everything: sealed and new entries, a fork, blobs, erased entries,
other owners, odd values; an account with a key, a conversation, a letter and a line of the ledger.
The JSON file names what it holds, by digests that know no storage.
"""

import json
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from novacore import billing, bootstrap, journal, settings

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "releases"
ACCOUNTS = "accounts"
"""The name in the JSON file of what is known about accounts; older releases have none."""
EMAIL = "ann@example.org"
PASSWORD = "four plain words here"
TOKENS = 37
ODD = {"role": "user", "content": "caf\u00e9 \ud800 漢字", "big": 2**80, "float": 1.0, "none": None}


def fill(store: journal.JournalStore) -> None:
    """A bit of everything."""
    talk = store.session("talk", workspace="/work")
    for number in range(80):
        talk.append(
            {"role": "user", "content": f"question {number}"},
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
            },
        )
    talk.append(journal.NewEntry(kind="usage", body={"model": "m", "input_tokens": 3}), ODD)
    talk.append({"role": "user", "content": "x" * 300_000})
    branch = talk.fork(at=10, name="branch")
    branch.append({"role": "user", "content": "another way"})
    store.erase(talk.id, positions=[3, 40])
    store.for_owner(journal.Scope(owner="other")).session("talk").append(ODD)


def fill_accounts(data: Path) -> dict[str, object]:
    """An account with everything that hangs on it; what must be found again."""
    env = {"NOVA_DATA_DIR": str(data), "HOME": str(data), "NOVA_TIERS_PROJECTOR": "off"}
    chosen = settings.load(env=env, workspace=data)
    platform = bootstrap.open_platform(chosen, announce=lambda _line: None)
    try:
        account = platform.identity.administration.create(EMAIL, password=PASSWORD)
        key = platform.identity.keys.create(account.id, name="fixture")
        talk = platform.store_of(account.id).session("talk")
        talk.append({"role": "user", "content": "hello"})
        platform.billing.settle([
            billing.Usage(
                account_id=account.id, hold_id="fixture-hold", day="2026-11-22", plan="basic",
                purpose="chat", model="m", provider="p", price_version="1",
                input_tokens=TOKENS, output_tokens=0,
            )
        ])  # fmt: skip
        platform.identity.administration.invite("guest@example.org")
    finally:
        platform.close()
    return {"email": EMAIL, "key": key.secret, "tokens": TOKENS}


def describe_accounts(data: Path, *, key: str) -> dict[str, object]:
    """What is found of that account by its key."""
    env = {"NOVA_DATA_DIR": str(data), "HOME": str(data), "NOVA_TIERS_PROJECTOR": "off"}
    chosen = settings.load(env=env, workspace=data)
    # A copy of what a release left: nobody needs it backed up before it is taken up.
    platform = bootstrap.open_platform(
        chosen, announce=lambda _line: None, before_upgrade=lambda: None
    )
    try:
        who = platform.identity.authenticate(key)
        days = platform.billing.export_account(who.account_id)["ledger"]
        tokens = sum(each["input_tokens"] for each in days)
    finally:
        platform.close()
    return {"email": who.email, "key": key, "tokens": tokens}


def describe(store: journal.JournalStore) -> dict[str, dict[str, object]]:
    """What a store holds: digest and length of each session, by owner and name."""
    found: dict[str, dict[str, object]] = {}
    for owner in ("local", "other"):
        view = store.for_owner(journal.Scope(owner=owner))
        for info in view.list_sessions():
            transcript = view.get_session(info.id).open()
            found[f"{owner}/{info.name}"] = {
                "digest": journal.transcript_digest(transcript),
                "entries": info.entries,
                "messages": info.messages,
            }
    return found


def main() -> int:
    """Write both files; refuses to overwrite a release."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    target = FOLDER / f"{version}.tar.xz"
    if target.exists():
        print(f"{target} exists: a release is never written anew.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        with journal.open_store(data) as store:
            fill(store)
        accounts = fill_accounts(data)
        with journal.open_store(data) as store:
            facts: dict[str, object] = {**describe(store), ACCOUNTS: accounts}
        with tarfile.open(target, "w:xz") as archive:
            archive.add(data, arcname="data")
    (FOLDER / f"{version}.json").write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")
    print(f"Wrote {target.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
