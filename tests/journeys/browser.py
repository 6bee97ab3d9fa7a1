"""A real browser for journeys: a Chromium that this machine has, or gets from its packages."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
INSTALL = ("apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core")


def find_chromium(playwright: Playwright) -> str:
    """The program of a Chromium; installed by the package manager where there is none.

    Raises:
        AssertionError: none is here and none can be installed; says which command does it.
    """
    found = _on_this_machine(playwright)
    if found is None and os.geteuid() == 0 and shutil.which(INSTALL[0]):
        _install()
        found = _on_this_machine(playwright)
    assert found is not None, (
        "The browser tests need a Chromium, and this machine has none. Install it with:\n"
        f"  sudo apt-get update && sudo {' '.join(INSTALL)}"
    )
    return found


def _on_this_machine(playwright: Playwright) -> str | None:
    for name in NAMES:
        if found := shutil.which(name):
            return found
    own = playwright.chromium.executable_path
    return own if own and Path(own).exists() else None


def _install() -> None:
    """Install Chromium; it is for the machine, so that it happens once."""
    setting = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("apt-get", "update", "-q"), INSTALL):
        done = subprocess.run(command, env=setting, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            # Whoever asked for the browser is told what to do; this says why it did not work.
            print(done.stdout[-2_000:] + done.stderr[-2_000:])
            return


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    # Its sandbox wants user namespaces, which root and most containers don't give.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(playwright), args=[*flags, "--disable-dev-shm-usage"]
        )
        with contextlib.closing(browser):
            yield browser
