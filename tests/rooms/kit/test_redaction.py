"""Secrets are found by their names and by their shapes, and people are named by digests."""

import pytest

from novacore import kit

SECRETS = [
    "sk-proj-AbCdEf0123456789",
    "nova_k1_0123456789abcdef",
    "whsec_0123456789abcdef",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "ghp_0123456789abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "key {} was refused", "https://x/?a=1&k={}#f", "({})"])
def test_a_secret_is_cut_out_wherever_it_stands(secret, around):
    told = kit.redacted(around.format(secret))
    assert secret not in told
    assert secret[-8:] not in told


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abcdefgh12345", "abcdefgh12345"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("Cookie: nova_refresh=s3cr3tvalue; theme=dark", "s3cr3tvalue"),
        ("Set-Cookie: __Host-nova_refresh=s3cr3tvalue", "s3cr3tvalue"),
        ("postgresql://nova:hunter2@db/nova", "hunter2"),
        ('{"password": "hunter2-long"}', "hunter2-long"),
        ("password='hunter2-long'", "hunter2-long"),
        ("GET /verify?token=abcdef123456", "abcdef123456"),
        ("refresh_token=abcdef123456&x=1", "abcdef123456"),
        ("api_key: abcdef123456", "abcdef123456"),
    ],
)
def test_a_secret_is_known_by_what_stands_before_it(text, hidden):
    assert hidden not in kit.redacted(text)


def test_an_address_becomes_the_same_digest_each_time():
    told = kit.redacted("mail to Ada@Example.org and ada@example.org failed")
    assert "xample" not in told
    digest = kit.person_digest("ada@example.org")
    assert told == f"mail to {digest} and {digest} failed"


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v1/sessions/{id} 200",
        "The limit of 1,000 tokens a day leaves too little: 900 used.",
        "skipped 3 entries; basics first",
        "file:///home/x/notes.txt:12",
    ],
)
def test_ordinary_words_stay(text):
    assert kit.redacted(text) == text


def test_values_under_a_secrets_name_are_cut_at_any_depth():
    value = {
        "headers": [{"Authorization": "x"}, {"accept": "y"}],
        "input_tokens": 12,
        "password": "p",
        "nested": {"api_key": 17, "note": "Bearer abcdefgh12345"},
        "key_id": "k-1",
    }
    told = kit.redacted_value(value)
    assert told["headers"] == [{"Authorization": "[cut]"}, {"accept": "y"}]
    assert told["input_tokens"] == 12
    assert told["password"] == "[cut]"
    assert told["nested"] == {"api_key": "[cut]", "note": "Bearer [cut]"}
    assert told["key_id"] == "k-1"


def test_what_has_no_end_is_cut():
    endless: list = []
    endless.append(endless)
    assert "[cut]" in str(kit.redacted_value(endless))
