"""When a failed request is sent again."""

import time

import pytest

from novacore import kit, llm
from novacore.llm import errors
from novacore.llm.formats.failures import failure, failure_in_stream, retry_after
from novacore.llm.retry import is_transient, policy_of

NOW_S = 1_700_000_000.0


def _policy(**settings):
    return policy_of(llm.Config(**settings), random=lambda: 0.5)


def test_the_bound_of_the_wait_doubles_and_ends_and_the_wait_is_drawn_below_it():
    policy = _policy(retry_delay_ms=1_000, retry_delay_max_ms=5_000, retry_attempts_max=10)
    waits = [policy.delay(llm.Overloaded(), attempt=n, elapsed_ms=0) for n in range(1, 6)]
    assert waits == [500, 1_000, 2_000, 2_500, 2_500]


@pytest.mark.parametrize(
    ("settings", "attempt", "elapsed_ms"),
    [
        ({"retry_enabled": False}, 1, 0),
        ({"retry_attempts_max": 3}, 3, 0),
        ({"retry_total_ms": 400}, 1, 0),
        ({"retry_total_ms": 10_000}, 1, 9_600),
    ],
    ids=["switched off", "attempts used up", "no time", "time used up"],
)
def test_there_is_no_further_attempt_beyond_the_budget(settings, attempt, elapsed_ms):
    policy = _policy(**settings)
    assert policy.delay(llm.Overloaded(), attempt=attempt, elapsed_ms=elapsed_ms) is None


def test_the_providers_wish_is_followed_up_to_the_limit():
    policy = _policy(retry_after_max_ms=60_000)
    wish = llm.RateLimited(retry_after_s=59.5)
    assert policy.delay(wish, attempt=1, elapsed_ms=0) == 59_500
    assert policy.delay(llm.RateLimited(retry_after_s=61), attempt=1, elapsed_ms=0) is None


def test_exactly_the_errors_that_may_pass_are_transient():
    kinds = [
        k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, llm.LLMError)
    ]
    transient = {kind.__name__ for kind in kinds if is_transient(kind())}
    assert transient == {
        "LLMError",
        "RateLimited",
        "Overloaded",
        "ConnectFailed",
        "TimedOut",
        "StreamBroken",
    }
    assert errors.DigestWrong().kind is kit.ErrorKind.CORRUPT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("12", 12.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("soon", None),
        ("1e400", None),
        (time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW_S + 30)), 30.0),
        (time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW_S - 30)), 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(value, seconds):
    assert retry_after(value, now_s=NOW_S) == seconds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "No.", "code": "c1"}}', "No. (c1)"),
        (b'{"error": "plain"}', "plain"),
        (b'{"message": "told"}', "told"),
        (b'{"detail": "told"}', "told"),
        (b"only\n text", "only text"),
        (b"", "answered 418."),
        (b"<html>page</html>", "answered 418."),
        (b"\xff\xfe", "answered 418: \ufffd"),
    ],
)
def test_the_providers_own_words_are_shown_on_one_line(body, words):
    error = failure(418, body=body, headers={}, key_hint="K", now_s=NOW_S)
    assert words in error.message


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"type": "overloaded_error"}, llm.Overloaded),
        ({"type": "rate_limit_error", "message": "slow"}, llm.RateLimited),
        ({"type": "invalid_request_error", "message": "x"}, llm.RequestRefused),
        ({"code": 429, "message": "x"}, llm.RateLimited),
        ({"code": "invalid_api_key"}, llm.AuthRefused),
        ({"code": "model_not_found"}, llm.ModelUnknown),
        ({"message": "odd"}, llm.Overloaded),
        ({}, llm.Overloaded),
    ],
)
def test_errors_told_in_a_stream_are_the_same_errors(told, kind):
    assert type(failure_in_stream(told)) is kind
