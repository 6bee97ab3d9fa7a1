"""Commands beside a running server print links that lead to it."""

import dataclasses

import pytest

from novacore import bootstrap, settings
from novacore.bootstrap.address import FILE, address_of


@pytest.fixture
def chosen(tmp_path):
    return settings.load(env={"NOVA_DATA_DIR": str(tmp_path)}, workspace=tmp_path)


def at(chosen, **changes):
    return dataclasses.replace(chosen, server=dataclasses.replace(chosen.server, **changes))


def test_while_a_server_runs_links_lead_to_it_and_then_where_the_settings_say(chosen):
    with bootstrap.announced(at(chosen, port=9123)):
        assert address_of(chosen) == "http://127.0.0.1:9123"
        assert (chosen.data_dir / FILE).stat().st_mode & 0o777 == 0o600
        named = at(chosen, public_url="https://nova.example.org/")
        assert address_of(named) == "https://nova.example.org"
    assert address_of(chosen) == "http://127.0.0.1:8080"


def test_the_end_of_an_older_server_hides_no_newer_one(chosen):
    with bootstrap.announced(at(chosen, port=9124)):
        with bootstrap.announced(at(chosen, port=9123)):
            pass
        (chosen.data_dir / FILE).write_text("http://127.0.0.1:9125")
    assert address_of(chosen) == "http://127.0.0.1:9125"


@pytest.mark.parametrize("noted", [b"\xff\xfe", b"javascript:alert(1)", b"http://a\nb", b""])
def test_what_is_no_address_is_not_believed(chosen, noted):
    (chosen.data_dir / FILE).write_bytes(noted)
    assert address_of(chosen) == "http://127.0.0.1:8080"


def test_a_data_directory_that_can_not_be_written_keeps_no_server_from_serving(chosen):
    with bootstrap.announced(dataclasses.replace(chosen, data_dir=chosen.data_dir / "gone")):
        assert address_of(chosen) == "http://127.0.0.1:8080"
