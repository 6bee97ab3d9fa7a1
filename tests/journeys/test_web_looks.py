"""Every page of the web app, wide and narrow, light and dark: whole, legible, within its width.

The pictures lie in the test's own folder; `NOVA_TEST_PICTURES=folder` keeps them elsewhere.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.journeys.browser import open_browser
from tests.journeys.web_server import WebServer, build_web_app, serve
from tests.journeys.web_visitor import DESKTOP, PATIENCE_MS, PHONE, Visitor, visit

pytestmark = pytest.mark.heavy

ANSWER = """You told me that the **train** leaves at *09:40*, so:

1. Leave home at 08:55 with tram 4
2. Buy the ticket in the app: `24 PLN`

| Part | Minutes |
|---|---:|
| Tram | 18 |
| Train | 142 |

```python
def minutes(hours: float) -> int:
    return round(hours * 60)
```

> The forecast says rain.

- [x] Ticket
- [ ] Coat
"""
PUBLIC = ("/sign-in", "/register", "/reset", "/reset?token=x", "/verify?token=x", "/nowhere")
PRIVATE = ("/", "/usage", "/plans", "/keys", "/settings", "/archive")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    build_web_app()
    folder = tmp_path_factory.mktemp("looks") / "home"
    with serve(folder, NOVA_BILLING_LIMITS="on") as running:
        running.provider.play({"text": ANSWER, "repeat": True})
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def resident(browser: Browser, server: WebServer) -> str:
    """The address of somebody with conversations, a key and something remembered."""
    with visit(browser, server) as visitor:
        visitor.join("jadwiga@example.org", name="Jadwiga Kowalska")
        for text in ("My train to Kraków leaves at 09:40.", "When does my train leave?"):
            visitor.open("/")
            visitor.write(text)
            visitor.is_answered("Coat")
        visitor.open("/keys")
        visitor.button("New key").click()
        visitor.field("Name").fill("Home assistant")
        visitor.button("Make the key").click()
        visitor.button("Done").click()
    return "jadwiga@example.org"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return Path(os.environ.get("NOVA_TEST_PICTURES") or tmp_path)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_every_page_is_accessible_and_fits(
    browser: Browser,
    server: WebServer,
    resident: str,
    pictures: Path,
    size: tuple[int, int],
):
    with visit(browser, server, size=size) as visitor:

        def look(name: str) -> None:
            for scheme in ("dark", "light"):
                visitor.page.emulate_media(color_scheme=scheme)
                _settle(visitor)
                visitor.picture(pictures, f"{name}-{size[0]}-{scheme}")
                visitor.is_accessible(only_colours=scheme == "dark")
            visitor.fits()

        for path in PUBLIC:
            visitor.open(path)
            expect(visitor.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE_MS)
            look("public" + re.sub(r"\W", "-", path))
        visitor.sign_in(resident)
        for path in PRIVATE:
            visitor.open(path)
            expect(visitor.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE_MS)
            look("private" + re.sub(r"\W", "-", path))
        visitor.open("/")
        _look_at_chat(visitor, look, is_phone=size == PHONE)


def _look_at_chat(visitor: Visitor, look: Callable[[str], None], *, is_phone: bool) -> None:
    if is_phone:
        visitor.button("Conversations").click()
        look("drawer")
        visitor.page.get_by_role("navigation").get_by_role("link").first.click()
    else:
        visitor.page.get_by_role("navigation").get_by_role("link").first.click()
    visitor.is_answered("Coat")
    look("chat")
    visitor.page.locator("main").get_by_role("button", name=re.compile("Options for")).click()
    look("menu")
    visitor.page.get_by_role("menuitem", name="Delete").click()
    look("confirm")
    visitor.button("Cancel").click()
    visitor.page.keyboard.press("Control+k")
    look("search")


def _settle(visitor: Visitor) -> None:
    """Wait until nothing loads and nothing moves: a colour half-way has no contrast."""
    expect(visitor.page.get_by_role("status", name=re.compile("^Loading"))).to_have_count(
        0, timeout=PATIENCE_MS
    )
    visitor.page.evaluate(
        "Promise.all(document.getAnimations().filter("
        "(each) => each.effect.getComputedTiming().iterations !== Infinity"
        ").map((each) => each.finished.catch(() => null)))"
    )
