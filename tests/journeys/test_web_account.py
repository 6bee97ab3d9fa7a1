"""In the browser: becoming somebody, coming back, and leaving."""

import re
import time
from collections.abc import Iterator

import openai
import pytest
from playwright.sync_api import Browser, expect
from tests.journeys.browser import open_browser
from tests.journeys.terminals import PATIENCE_S
from tests.journeys.web_server import PASSWORD, WebServer, build_web_app, serve
from tests.journeys.web_visitor import PATIENCE_MS, visit

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    build_web_app()
    with serve(tmp_path_factory.mktemp("account") / "home") as running:
        running.provider.play({"text": "Good to meet you.", "repeat": True})
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def test_a_person_registers_confirms_the_address_chats_and_signs_out(
    browser: Browser, server: WebServer
):
    with visit(browser, server) as ada:
        ada.open("/")
        ada.heading("Welcome back")
        ada.register("ada@example.org")
        ada.open("/sign-in")
        ada.field("E-mail address").fill("ada@example.org")
        ada.field("Password").fill(PASSWORD)
        ada.button("Sign in").click()
        ada.heading("One step is left")
        link = ada.letter("/verify")
        ada.page.goto(link)
        # Opening the link is what scanners of mail do too: it confirms nothing.
        ada.open("/")
        ada.heading("One step is left")
        ada.page.goto(link)
        ada.button("Confirm my address").click()
        ada.heading("Your address is confirmed")
        ada.page.get_by_role("link", name="Start a conversation").click()
        ada.write("Hello, I am Ada.")
        ada.is_answered("Good to meet you.")
        ada.keeps_no_token()
        ada.page.get_by_role("button", name=re.compile("Account of")).click()
        ada.page.get_by_role("menuitem", name="Sign out").click()
        ada.heading("Welcome back")
        ada.page.go_back()
        ada.heading("Welcome back")


def test_a_link_of_a_letter_works_once(browser: Browser, server: WebServer):
    with visit(browser, server) as bea:
        bea.register("bea@example.org")
        bea.verify()
        bea.expected = {400, 404}
        bea.page.goto(bea.letter("/verify"))
        bea.button("Confirm my address").click()
        expect(bea.page.get_by_role("alert")).to_be_visible(timeout=PATIENCE_MS)


def test_a_lost_password_is_set_anew(browser: Browser, server: WebServer):
    with visit(browser, server) as cleo:
        cleo.join("cleo@example.org")
        cleo.page.context.clear_cookies()
        cleo.expected = {401}
        cleo.open("/login")
        cleo.page.get_by_role("link", name="Forgot your password?").click()
        cleo.field("E-mail address").fill("cleo@example.org")
        cleo.button("Send the link").click()
        cleo.heading("Check your mail")
        cleo.page.goto(cleo.letter("/reset"))
        cleo.field("New password").fill("another quiet violet harbour")
        cleo.button("Set the password").click()
        cleo.heading("Welcome back")
        cleo.sign_in("cleo@example.org", password="another quiet violet harbour")


def test_a_wrong_password_is_refused_in_words(browser: Browser, server: WebServer):
    with visit(browser, server) as dora:
        dora.register("dora@example.org")
        dora.expected = {401}
        dora.open("/sign-in")
        dora.field("E-mail address").fill("dora@example.org")
        dora.field("Password").fill("not this one at all")
        dora.button("Sign in").click()
        expect(dora.page.get_by_role("alert")).to_be_visible(timeout=PATIENCE_MS)
        expect(dora.field("E-mail address")).to_have_value("dora@example.org")


def test_signing_in_leads_to_where_one_wanted_to_go(browser: Browser, server: WebServer):
    with visit(browser, server) as dan:
        dan.join("dan@example.org")
        dan.button(re.compile("Account of")).click()
        dan.page.get_by_role("menuitem", name="Sign out").click()
        dan.heading("Welcome back")
        for wanted, reached in (
            ("/c/unknown?at=5", "/c/unknown?at=5"),
            ("/sign-in?next=https://evil.example/", "/"),
            ("/sign-in?next=//evil.example/", "/"),
        ):
            dan.expected = {404}
            dan.open(wanted)
            dan.heading("Welcome back")
            dan.field("E-mail address").fill("dan@example.org")
            dan.field("Password").fill(PASSWORD)
            dan.button("Sign in").click()
            expect(dan.field("Message")).to_be_visible(timeout=PATIENCE_MS)
            assert dan.page.url == server.url + reached
            dan.button(re.compile("Account of")).click()
            dan.page.get_by_role("menuitem", name="Sign out").click()
            dan.heading("Welcome back")


def test_signing_out_in_one_window_signs_out_in_the_other(browser: Browser, server: WebServer):
    with visit(browser, server) as eve:
        eve.join("eve@example.org")
        with visit(browser, server, beside=eve.page.context) as again:
            again.open("/usage")
            again.heading("Usage")
            eve.button(re.compile("Account of")).click()
            eve.page.get_by_role("menuitem", name="Sign out").click()
            eve.heading("Welcome back")
            again.heading("Welcome back")


def test_an_api_key_is_shown_once_works_and_is_revoked(browser: Browser, server: WebServer):
    with visit(browser, server) as fay:
        fay.join("fay@example.org")
        fay.open("/keys")
        fay.sees("No keys yet")
        fay.button("New key").click()
        fay.field("Name").fill("My editor")
        fay.button("Make the key").click()
        key = fay.field("API key").input_value()
        fay.button("Copy").click()
        fay.sees("Copied")
        assert fay.page.evaluate("navigator.clipboard.readText()") == key
        fay.button("Done").click()
        fay.sees("never used")
        assert key not in fay.page.content()
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
            model = client.models.list().data[0].id
            answer = client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Hello"}]
            )
            assert answer.choices[0].message.content == "Good to meet you."
            fay.button("Revoke My editor").click()
            fay.button("Revoke").click()
            fay.sees("No keys yet")
            assert _is_refused(client)


def _is_refused(client: openai.OpenAI) -> bool:
    """True once the key is refused; a server may need a second to hear of it."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            client.models.list()
        except openai.AuthenticationError:
            return True
    return False


def test_the_profile_the_devices_and_the_end_of_an_account(browser: Browser, server: WebServer):
    with visit(browser, server) as gil:
        gil.join("gil@example.org", name="Gil")
        with visit(browser, server) as elsewhere:
            elsewhere.sign_in("gil@example.org")
            gil.open("/settings")
            gil.field("Your name").fill("Gilda")
            gil.button("Save").click()
            gil.sees("Saved.")
            expect(gil.button(re.compile("Account of Gilda"))).to_be_visible(timeout=PATIENCE_MS)
            gil.button(re.compile("Sign out Chrome")).click()
            gil.sees("Signed out there.")
            elsewhere.expected = {401}
        gil.button("Make a copy").click()
        with gil.page.expect_download() as download:
            gil.button("Download").click()
        assert download.value.path().read_bytes()[:2] == b"PK"
        gil.button("Delete my account").click()
        gil.field("Password").fill(PASSWORD)
        gil.button("Delete everything").click()
        gil.heading("Welcome back")
        gil.expected = {401}
        gil.field("E-mail address").fill("gil@example.org")
        gil.field("Password").fill(PASSWORD)
        gil.button("Sign in").click()
        expect(gil.page.get_by_role("alert")).to_be_visible(timeout=PATIENCE_MS)
