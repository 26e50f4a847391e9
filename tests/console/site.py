"""A browser profile at the console, and what must not happen there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Dialog, Page, Request

# Tells every violation of the policy, also in frames.
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`VIOLATION ${event.violatedDirective} ${event.blockedURI}`))"""


class Site:
    """Notes calls of functions, violations of the policy, errors, and requests to another host."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.console = f"{address}/console/"
        self.nowhere = f"{address}/nowhere"
        self.calls: Counter[str] = Counter()
        self.faults: list[str] = []
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", lambda message: self._note_message(message.type, message.text))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("request", self._note_request)

    def _note_message(self, kind: str, text: str) -> None:
        # A refusal by a function is an answer that the console shows, and no fault of its own.
        if kind == "error" and "Failed to load resource" not in text:
            self.faults.append(text)

    def _note_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("data", "blob"):
            return
        if not request.url.startswith(self.address):
            self.faults.append(f"called {request.url}")
        elif not address.path.startswith("/console/") and request.url != self.nowhere:
            self.calls[f"{request.method} {address.path}"] += 1


class Desk:
    """One profile with one page, for a test after the other. Nothing of one is left for the next."""

    def __init__(self, new_site: Callable[[], Site]) -> None:
        self._new_site = new_site
        self._page: Page | None = None
        self.site: Site

    @property
    def page(self) -> Page:
        if not self._page:
            self.site = self._new_site()
            self._page = self.site.context.new_page()
        return self._page

    def clear(self) -> list[str]:
        """Leave the console and forget what is kept. Returns the faults that were noted."""
        page, self._page = self.page, None
        for other in self.site.context.pages:
            if other is not page:
                other.close()
        self.site.context.set_offline(False)
        self.site.context.unroute_all()
        page.unroute_all()
        page.goto(self.site.nowhere)
        page.evaluate("sessionStorage.clear(), localStorage.clear()")
        page.mouse.move(0, 0)
        faults = list(self.site.faults)
        self.site.faults.clear()
        self.site.calls.clear()
        self._page = page  # Only now: one that could not be cleared is not used again.
        return faults


def questions(page: Page) -> list[str]:
    """Say no to whatever the page asks from now on; its questions come into the list."""
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    return asked


def sign_in(page: Page, shop_id: str, key: str) -> None:
    page.get_by_label("Shop").fill(shop_id)
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Sign in").wait_for(state="detached")


def take_in(page: Page, site: Site, session: dict[str, str]) -> None:
    """Leave in the tab what it keeps of somebody who has signed in."""
    if page.url != site.nowhere:
        page.goto(site.nowhere)
    keep = "(session) => sessionStorage.setItem('console', JSON.stringify({ session, since: Date.now() }))"
    page.evaluate(keep, session)
