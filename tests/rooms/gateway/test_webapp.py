"""The web app's files, as a browser gets them."""

import gzip
import hashlib
from base64 import b64encode

import pytest

from novacore.gateway.webapp import WebApp

INLINE = "document.documentElement.dataset.theme = 'dark'"
INDEX = f"<html><script>{INLINE}</script><script src='/assets/a-1f.js'></script></html>"


@pytest.fixture
def built(tmp_path) -> WebApp:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "assets" / "a-1f.js").write_text("let a")
    (tmp_path / "assets" / "a-1f.js.gz").write_bytes(gzip.compress(b"let a"))
    (tmp_path / "favicon.svg").write_text("<svg/>")
    return WebApp(tmp_path)


def ask(app: WebApp, path: str, **more: str):
    return app.answer(
        path, query="", accepts=more.get("accepts", ""), known_tag=more.get("tag", "")
    )


def test_a_hashed_file_is_kept_for_ever(built):
    answer = ask(built, "assets/a-1f.js")
    assert answer.body == b"let a"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


def test_a_browser_that_takes_gzip_gets_it(built):
    answer = ask(built, "assets/a-1f.js", accepts="br, gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.body) == b"let a"


@pytest.mark.parametrize("path", ["", "login", "sessions/abc", "settings/api-keys"])
def test_every_path_of_the_app_is_its_page_which_is_asked_for_again(built, path):
    answer = ask(built, path)
    assert answer.body == INDEX.encode()
    assert answer.headers["cache-control"] == "no-cache"


def test_only_the_scripts_of_the_page_itself_may_run(built):
    policy = ask(built, "").headers["content-security-policy"]
    digest = b64encode(hashlib.sha256(INLINE.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert "object-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["assets/gone.js", "gone.png", "../settings.py", "index.html.gz"])
def test_a_file_that_is_not_there_is_not_the_page(built, path):
    assert ask(built, path) is None


def test_a_page_that_is_known_already_is_not_sent_again(built):
    tag = ask(built, "").headers["etag"]
    answer = ask(built, "", tag=tag)
    assert (answer.status_code, answer.body) == (304, b"")


def test_without_the_app_there_is_a_word_and_letters_lead_to_plain_pages(tmp_path):
    app = WebApp(tmp_path / "none")
    assert not app.is_built
    assert b"make run" in ask(app, "").body
    moved = app.answer("verify", query="token=abc", accepts="", known_tag="")
    assert moved.headers["location"] == "/api/v1/auth/verify-email?token=abc"
    assert ask(app, "sessions") is None
