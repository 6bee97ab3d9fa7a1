"""`nova recall`: what it prints, and what it refuses."""

import pytest

from novacore import bootstrap, settings


@pytest.fixture
def talk(nova, tmp_path):
    chosen = settings.load(env={}, overrides={"data_dir": str(tmp_path / "data")})
    with bootstrap.open_store(chosen) as store:
        store.session("holidays", workspace="/srv/boats").append(
            {"role": "user", "name": "Ana", "content": "We rented a canoe in Ghent."},
            {"role": "user", "name": "Ben", "content": "Was it \x1b[31mred\x1b[0m?"},
        )
        store.session("other").append({"role": "user", "content": "A canoe is no kayak."})


def test_a_hit_shows_who_said_it_and_where(nova, talk):
    done = nova("recall", "Where did Ana rent a canoe?")
    assert done.code == 0
    first = done.out.splitlines()[:2]
    assert "Ana" in first[0]
    assert "(holidays 0)" in first[0]
    assert first[1].strip() == "We rented a canoe in Ghent."
    assert "\x1b" not in done.out


def test_json_has_the_message_its_place_and_the_parts_of_its_score(nova, talk):
    hit = nova("recall", "canoe in Ghent", "--json").json[0]
    assert (hit["session"], hit["position"], hit["speaker"]) == ("holidays", 0, "Ana")
    assert hit["message"]["content"] == "We rented a canoe in Ghent."
    assert hit["after"][0]["position"] == 1
    assert hit["parts"]["fields"] > 0


def test_explain_says_what_the_score_is_made_of(nova, talk):
    assert "fields +" in nova("recall", "canoe", "--explain").out
    assert "fields +" not in nova("recall", "canoe").out


@pytest.mark.parametrize(
    ("options", "sessions"),
    [
        (["--session", "other"], {"other"}),
        (["--project", "/srv"], {"holidays"}),
        (["--kind", "memory"], set()),
        (["--until", "2001-01-01"], set()),
        (["--since", "2001-01-01", "--limit", "1"], {"holidays"}),
    ],
)
def test_filters_narrow_what_is_found(nova, talk, options, sessions):
    found = nova("recall", "the canoe in Ghent", *options, "--json").json
    assert {hit["session"] for hit in found} == sessions


def test_finding_nothing_is_said(nova):
    done = nova("recall", "anything")
    assert (done.code, done.out) == (0, "Nothing was said about this.\n")


def test_an_empty_question_and_a_wrong_time_are_refused(nova):
    assert nova("recall", " ").code != 0
    assert nova("recall", "x", "--since", "long ago").code == 2
