"""In the browser: who may register, where not everybody may."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.journeys.browser import open_browser
from tests.journeys.web_server import PASSWORD, build_web_app, serve
from tests.journeys.web_visitor import PATIENCE_MS, visit

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    build_web_app()
    with open_browser() as opened:
        yield opened


def test_where_registering_is_closed_the_pages_say_so_and_offer_no_form(browser: Browser, tmp_path):
    with (
        serve(tmp_path / "home", NOVA_IDENTITY_REGISTRATION="closed") as server,
        visit(browser, server) as stranger,
    ):
        stranger.open("/register")
        stranger.sees(re.compile("New accounts are not open"))
        expect(stranger.button("Create account")).to_have_count(0)
        stranger.open("/sign-in")
        expect(stranger.button("Sign in")).to_be_visible(timeout=PATIENCE_MS)
        offered = stranger.page.get_by_role("link", name="Create an account")
        expect(offered).to_have_count(0, timeout=PATIENCE_MS)
        # The page to sign in says the same when somebody has just signed out.
        server.nova("users", "create", "ada@example.org")
        token = re.search(r"token=(\S+)", server.nova("users", "reset-link", "ada@example.org"))
        assert token
        stranger.open(f"/reset?token={token[1]}")
        stranger.field("New password").fill(PASSWORD)
        stranger.page.keyboard.press("Enter")
        stranger.heading("Welcome back")
        stranger.sign_in("ada@example.org")
        stranger.page.get_by_role("button", name=re.compile("Account of")).click()
        stranger.page.get_by_role("menuitem", name="Sign out").click()
        stranger.heading("Welcome back")
        expect(offered).to_have_count(0, timeout=PATIENCE_MS)


def test_an_invitation_lets_in_who_was_invited_and_nobody_else(browser: Browser, tmp_path):
    with (
        serve(tmp_path / "home", NOVA_IDENTITY_REGISTRATION="invitation") as server,
        visit(browser, server) as guest,
    ):
        server.provider.play({"text": "Welcome.", "repeat": True})
        server.nova("users", "create", "ada@example.org", "--admin")
        guest.open("/register")
        guest.sees(re.compile("by invitation"))
        guest.email = "guest@example.org"
        server.nova("users", "invite", guest.email)
        # The command finds where the server is, which listens on a port of its own.
        guest.page.goto(guest.letter("/register"))
        guest.field("Your name").fill("Guest")
        guest.field("Password").fill(PASSWORD)
        guest.expected = {403}
        guest.field("E-mail address").fill("somebody@example.org")
        guest.button("Create account").click()
        expect(guest.page.get_by_role("alert")).to_contain_text(
            "for this address", timeout=PATIENCE_MS
        )
        guest.field("E-mail address").fill(guest.email)
        guest.button("Create account").click()
        guest.sign_in()
        guest.write("Hello")
        guest.is_answered("Welcome.")
