"""Every error of ours has its place in the table of answers."""

import importlib
import pkgutil

import fastapi
import pytest
from fastapi import exceptions

import novacore
from novacore import billing, identity, journal, kit, llm
from novacore.gateway import errors
from novacore.gateway.problem_rows import ROWS
from novacore.gateway.problems import Shape, body_of, problem_of, row_of

NEVER_OVER_HTTP = {"cli", "mail", "remote", "workers"}
"""Rooms whose errors no route meets."""


def _all_errors() -> dict[str, type[kit.NovaError]]:
    for info in pkgutil.walk_packages(novacore.__path__, "novacore."):
        if not info.name.endswith("__main__"):
            importlib.import_module(info.name)
    waiting, found = [kit.NovaError], {}
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            parts = kind.__module__.split(".")
            if parts[0] == "novacore":
                found[f"{parts[1]}.{kind.__name__}"] = kind
    return found


@pytest.fixture(scope="module")
def every_error() -> dict[str, type[kit.NovaError]]:
    return _all_errors()


def test_every_error_that_a_route_may_meet_has_a_row(every_error):
    missing = [
        name
        for name, kind in every_error.items()
        if row_of(kind) is None and name.partition(".")[0] not in NEVER_OVER_HTTP
    ]
    assert missing == []


def test_every_row_is_about_an_error_that_exists(every_error):
    assert set(ROWS) - set(every_error) == set()


def test_no_row_answers_with_a_success(every_error):
    assert {name for name, row in ROWS.items() if row.status and not 400 <= row.status < 600} == (
        set()
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.CredentialMissing(), 401, "invalid_api_key"),
        (identity.CredentialInvalid(), 401, "credential_invalid"),
        (identity.EmailNotVerified(), 403, "email_not_verified"),
        (journal.SessionUnknown("x"), 404, "not_found"),
        (errors.BodyTooLarge(10), 413, "body_too_large"),
        (fastapi.HTTPException(404), 404, "not_found"),
        (fastapi.HTTPException(418), 400, "invalid_request"),
        (ValueError("x"), 500, "internal_error"),
        (fastapi.HTTPException(500), 500, "internal_error"),
    ],
)
def test_errors_are_answered_by_what_they_mean(error, status, code):
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)


def test_a_spent_quota_says_what_is_left_when_it_ends_and_not_to_try_again():
    error = billing.QuotaSpent(
        resource="tokens", scope="account", limit=1_000, used=900, held=50, needed=80,
        plan="free_trial", resets_at_us=1_700_006_400_000_000,
    )  # fmt: skip
    problem = problem_of(error, upgrade_url="https://nova.example.org/plans")
    assert (problem.status, problem.type) == (429, "insufficient_quota")
    assert problem.headers["x-should-retry"] == "false"
    facts = problem.facts
    assert (facts["limit"], facts["used"], facts["held"]) == (1_000, 900, 50)
    assert facts["resets_at"] == "2023-11-15T00:00:00Z"
    assert facts["upgrade_url"] == "https://nova.example.org/plans"


def test_an_error_within_the_frameworks_error_comes_out_again():
    outer = fastapi.HTTPException(400)
    outer.__cause__ = errors.BodyTooLarge(5)
    assert problem_of(outer).status == 413


def test_a_wrong_field_is_named_and_never_repeated():
    found = [{"loc": ("body", "password"), "msg": "too short", "input": "hunter2-canary"}]
    problem = problem_of(exceptions.RequestValidationError(found))
    assert problem.facts["fields"] == [{"path": "body.password", "problem": "too short"}]
    assert b"hunter2" not in body_of(problem, correlation_id="c")


def test_what_broke_below_is_not_told():
    error = journal.StorageFailed("can't write /home/ada/.nova/journal.db")
    problem = problem_of(error)
    assert problem.status == 503
    assert "ada" not in problem.message
    assert int(problem.headers["Retry-After"]) >= 1


def test_a_provider_that_refuses_our_key_is_no_fault_of_the_caller():
    problem = problem_of(llm.AuthRefused("the key sk-12345678 is wrong"))
    assert problem.status == 502
    assert "sk-" not in problem.message


def test_anthropics_shape_has_their_words():
    body = body_of(problem_of(errors.BodyTooLarge(10)), correlation_id="c-1", shape=Shape.ANTHROPIC)
    assert b'"type":"request_too_large"' in body
    assert b'"request_id":"c-1"' in body
