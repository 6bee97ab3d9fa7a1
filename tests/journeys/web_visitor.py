"""A person with a browser, for journeys: does what a person does, and notices what they would."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect
from tests.journeys.terminals import PATIENCE_S
from tests.journeys.web_server import AXE, PASSWORD, WebServer

DESKTOP = (1280, 860)
PHONE = (390, 844)
PATIENCE_MS = 1_000 * PATIENCE_S
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.|nova_[A-Za-z0-9_-]{16}|access_token|refresh_token")
AXE_RUN = """
async (rules) => (await axe.run(
  document, {resultTypes: ["violations"], ...(rules ? {runOnly: rules} : {})}
)).violations.map(
  (each) => `${each.id} (${each.impact}): ${each.nodes.map((node) => node.html).join(" | ")}`
)
"""


class Visitor:
    """One window of a browser on one server.

    At its end nothing may have gone wrong unseen: no error in the console, no breach of the content
    security policy, no token in what scripts can read.
    """

    def __init__(self, page: Page, server: WebServer) -> None:
        self.page = page
        self.server = server
        self.email = ""
        self.troubles: list[str] = []
        """What the console said went wrong."""
        self.expected: set[int] = set()
        """HTTP statuses that belong to the journey: Chromium logs each answer that is an error."""
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"thrown: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        status = re.search(r"responded with a status of (\d+)", message.text)
        if status and int(status[1]) in self.expected:
            return
        if message.type in ("error", "warning"):
            self.troubles.append(f"{message.type}: {message.text} {message.location.get('url')}")

    def open(self, path: str = "/") -> None:
        """Go to an address of the app."""
        self.page.goto(self.server.url + path)

    def button(self, name: str | re.Pattern[str], *, exact: bool = True) -> Locator:
        """The button with this name."""
        is_text = isinstance(name, str)
        return self.page.get_by_role("button", name=name, exact=exact if is_text else None)

    def field(self, label: str) -> Locator:
        """The input with this label."""
        return self.page.get_by_label(label, exact=True)

    def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait until this text is to be seen."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)

    def heading(self, name: str | re.Pattern[str]) -> None:
        """Wait until this heading is to be seen."""
        place = self.page.get_by_role("heading", name=name).first
        expect(place).to_be_visible(timeout=PATIENCE_MS)

    # ---- accounts ----

    def register(self, email: str, *, name: str = "Ada Lovelace") -> None:
        """Fill in the form for a new account."""
        self.email = email
        self.open("/register")
        self.field("Your name").fill(name)
        self.field("E-mail address").fill(email)
        self.field("Password").fill(PASSWORD)
        self.button("Create account").click()
        self.heading("Check your mail")

    def letter(self, path: str) -> str:
        """The newest link to `path` in a letter; waits until it is there."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            if link := self.server.link(path, to=self.email):
                return link
            self.page.wait_for_timeout(50)
        raise AssertionError(f"no letter with a link to {path} came\n{''.join(self.server.lines)}")

    def verify(self) -> None:
        """Open the link of the letter, and confirm."""
        self.page.goto(self.letter("/verify"))
        self.button("Confirm my address").click()
        self.heading("Your address is confirmed")

    def sign_in(self, email: str = "", *, password: str = PASSWORD) -> None:
        """Sign in, up to the first page."""
        self.open("/sign-in")
        self.field("E-mail address").fill(email or self.email)
        self.field("Password").fill(password)
        self.button("Sign in").click()
        expect(self.field("Message")).to_be_visible(timeout=PATIENCE_MS)

    def join(self, email: str, *, name: str = "Ada Lovelace") -> None:
        """Everything from registering to the first page."""
        self.register(email, name=name)
        self.verify()
        self.sign_in()

    # ---- chat ----

    def write(self, text: str) -> None:
        """Write a message and send it."""
        self.field("Message").fill(text)
        self.page.keyboard.press("Enter")

    def answer(self) -> Locator:
        """The newest answer."""
        return self.page.get_by_role("article", name="Answer").last

    def is_answered(self, text: str) -> None:
        """Wait until the newest answer holds this text, and nothing is under way."""
        expect(self.answer()).to_contain_text(text, timeout=PATIENCE_MS)
        expect(self.button("Send")).to_be_visible(timeout=PATIENCE_MS)

    # ---- what must be so on every page ----

    def is_accessible(self, *, only_colours: bool = False) -> None:
        """No rule of axe is broken on the page as it stands."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate(AXE_RUN, ["color-contrast"] if only_colours else None)
        assert not found, "\n".join(found)

    def fits(self) -> None:
        """Nothing sticks out sideways."""
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert self.page.viewport_size is not None
        assert width <= self.page.viewport_size["width"]

    def picture(self, folder: Path, name: str) -> None:
        """Save what is to be seen."""
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png")

    def keeps_no_token(self) -> None:
        """Nothing that a script could read and send away is a token."""
        stored = self.page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        )
        assert not TOKEN.search(stored), stored

    def had_no_trouble(self) -> None:
        """The console stayed quiet."""
        assert not self.troubles, "\n".join(self.troubles)


@contextlib.contextmanager
def visit(
    browser: Browser,
    server: WebServer,
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: str = "light",
    beside: BrowserContext | None = None,
) -> Iterator[Visitor]:
    """A person with a window; `beside` opens it in the browser of another one."""
    context = beside or browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-US",
        permissions=["clipboard-read", "clipboard-write"],
    )
    visitor = Visitor(context.new_page(), server)
    try:
        yield visitor
        if visitor.page.url.startswith("http"):
            visitor.keeps_no_token()
        visitor.had_no_trouble()
    finally:
        visitor.page.close()
        if beside is None:
            context.close()
