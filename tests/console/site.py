"""A browser profile at the console, and what must not happen there."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Dialog, Page, Request

# Tells every violation of the policy, also in frames.
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`VIOLATION ${event.violatedDirective} ${event.blockedURI}`))"""


class Site:
    """Notes calls of functions, violations of the policy, errors, and requests to another host."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address = address
        self.console = f"{address}/console/"
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
        elif not address.path.startswith("/console/"):
            self.calls[f"{request.method} {address.path}"] += 1


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
