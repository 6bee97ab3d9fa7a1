"""In the browser: what is used is shown, a limit that is near warns, and a refusal explains."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.journeys.browser import open_browser
from tests.journeys.terminals import PATIENCE_S
from tests.journeys.web_server import WebServer, build_web_app, serve
from tests.journeys.web_visitor import PATIENCE_MS, Visitor, visit

pytestmark = pytest.mark.heavy

USED = {"input": 60, "output": 24}
ANSWER = {"text": "Certainly.", "usage": USED, "repeat": True}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    build_web_app()
    folder = tmp_path_factory.mktemp("limits") / "home"
    with serve(folder, NOVA_BILLING_LIMITS="on") as running:
        running.provider.play(ANSWER)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def ivo(browser: Browser, server: WebServer) -> Iterator[Visitor]:
    with visit(browser, server) as visitor:
        visitor.join("ivo@example.org", name="Ivo")
        yield visitor


def test_a_limit_is_shown_warned_about_and_explained(ivo: Visitor, server: WebServer):
    ivo.open("/usage")
    tokens = ivo.page.get_by_role("meter", name="Tokens today")
    expect(tokens).to_have_attribute("aria-valuetext", re.compile("^0 of "), timeout=PATIENCE_MS)
    ivo.sees("Nothing used yet")
    ivo.page.get_by_role("link", name="New conversation").first.click()
    ivo.write("How are you?")
    ivo.is_answered("Certainly.")
    # The answer, and the conversation's title.
    used = 2 * sum(USED.values())
    _reload_until(ivo, f"{used:,} of ")

    # So much that more than four fifths are used, and what is left is too little for an answer.
    server.nova("billing", "set", "ivo@example.org", "--tokens", str(int(used / 0.82)))
    ivo.page.reload()
    ivo.sees(re.compile(r"8\d % of today’s limit is used"))
    ivo.expected = {429}
    ivo.write("And how is the weather?")
    refusal = ivo.page.get_by_role("alert", name="That is all for today")
    expect(refusal).to_be_visible(timeout=PATIENCE_MS)
    expect(refusal).to_contain_text(re.compile(r"You can go on in .+ at "))
    expect(refusal.get_by_role("meter")).to_have_attribute(
        "aria-valuetext", re.compile(rf"^{used:,} of ")
    )
    ivo.is_accessible()

    # Where the API's `upgrade_url` leads, too.
    upgrade = refusal.get_by_role("link", name="See the plans")
    expect(upgrade).to_have_attribute("href", "/plans")
    with ivo.page.context.expect_page() as opened:
        upgrade.click(modifiers=["Control"])
    plans = opened.value
    expect(plans.get_by_text("$29.00 a month")).to_be_visible(timeout=PATIENCE_MS)
    expect(plans.get_by_text("Your plan")).to_be_visible(timeout=PATIENCE_MS)
    plans.close()

    server.nova("billing", "set", "ivo@example.org", "--tokens", "unlimited")
    refusal.get_by_role("button", name="Try again").click()
    ivo.is_answered("Certainly.")
    refusal_gone = ivo.page.get_by_role("alert", name="That is all for today")
    expect(refusal_gone).to_have_count(0)
    ivo.open("/usage")
    ivo.sees("scripted")


def _reload_until(ivo: Visitor, amount: str) -> None:
    """Look again until this much is counted; the title is made beside the answer."""
    deadline_s = time.monotonic() + PATIENCE_S
    text = ""
    while time.monotonic() < deadline_s:
        spent = ivo.page.get_by_role("meter", name="Tokens used today")
        text = spent.get_attribute("aria-valuetext") or ""
        if text.startswith(amount):
            return
        ivo.page.reload()
    raise AssertionError(f"{text!r} never became {amount!r}")
