"""The Chromium of this machine, and how tests start it: one process for all of a worker's tests."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

# The first has no windows, and a page costs a fifth in it.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
MISSING = "BROWSER TESTS SKIPPED: no Chromium here. Install the Debian package 'chromium-headless-shell' to run them."
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    # A process less to be told of every page: a fifth of what a new profile and its page cost.
    "--in-process-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The pages of a made-up shop may call functions on this machine.
    "--disable-features=LocalNetworkAccessChecks",
]


class SharedChromium:
    """Starts once a worker: the process and Playwright's own cost as much as six visits of a page.

    Playwright keeps its event loop running in this thread, where asyncio allows no other. So the loop counts as running
    only while `in_use`, and tests without a browser may run loops of their own.
    """

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._loop = asyncio.get_running_loop()
        self._browser: Browser | None = None
        asyncio._set_running_loop(None)

    @contextmanager
    def in_use(self) -> Iterator[Browser]:
        """Yield the browser, started anew if it has crashed; close whatever was opened in it at the end."""
        asyncio._set_running_loop(self._loop)
        try:
            if not self._browser or not self._browser.is_connected():
                self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield self._browser
            for context in self._browser.contexts:
                context.close()
        finally:
            asyncio._set_running_loop(None)


@contextmanager
def shared_chromium() -> Iterator[SharedChromium]:
    """Playwright, and the browser that it starts at the first use; both end together."""
    with sync_playwright() as playwright:
        shared = SharedChromium(playwright)
        yield shared
        asyncio._set_running_loop(shared._loop)
