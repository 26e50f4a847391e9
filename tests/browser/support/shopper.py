"""What browser tests talk about: a shop with popups, and a shopper who visits it."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import requests
from playwright.sync_api import BrowserContext, Error, Locator, Page, Request, Route

from tests.browser.support.built import DIALOG, answer_script
from tests.support.stack import Database

# The pages come from the test, the functions from the stack: two origins, as in production.
ORIGIN = "http://shop.localhost"

# Headless Chromium calls itself one, and the server does not count crawlers.
_AGENT = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 {}Safari/537.36"
DESKTOP: dict[str, Any] = {
    "viewport": {"width": 1280, "height": 800},
    "user_agent": _AGENT.format("X11; Linux x86_64", ""),
}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "user_agent": _AGENT.format("Linux; Android 10; K", "Mobile "),
    "screen": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}

# Seconds. Longer than the one after a page's load, and after a click, in which no exit is taken for one.
SETTLED = 1.2
# Long enough for a page that has loaded to be idle.
IDLE = 0.1

# Resolves once the script has its second file, if it asks for it: where a popup could show.
_SECOND_FILE = """async address => {
    const told = exitIntent.explain();
    for (let i = 0; i < told.length; i++) {
        if (/^(targeting|frequency|shop.never)/.test(told[i].reason)) continue;
        return import(address).then(() => null, () => null);
    }
}"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shop</title>
{head}
<script async src="/exit_intent.js" {attributes}></script>
</head>
<body>
<main>
<h1>Shop</h1>
<p><a href="#here" id="link">A link</a> <button id="offer">Offer</button>
<select id="size" aria-label="Size"><option>S</option><option>M</option></select></p>
{body}
<p style="height: 5000px">Things to buy.</p>
</main>
</body>
</html>"""


def wait_until(page: Page, expression: str, arg: Any = None, *, seconds: float = 20) -> None:
    """Wait for a JavaScript expression, or function of `arg`, to become true.

    Page.wait_for_function polls by `eval` within the page, which a Content-Security-Policy forbids.
    """
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression, arg):
        assert time.monotonic() < deadline, f"not within {seconds} s: {expression}"
        page.wait_for_timeout(20)


def leave(page: Page) -> None:
    """Move the mouse out of the window through the top."""
    page.mouse.move(640, 400)
    page.mouse.move(640, -10, steps=4)


def leave_until_shown(page: Page) -> None:
    """Where time is real: an exit counts for none in a page's first second, or before the script is there."""
    deadline = time.monotonic() + 20
    while not page.get_by_role("dialog").count():
        assert time.monotonic() < deadline, "no popup is shown"
        leave(page)
        page.wait_for_timeout(100)


class Shop:
    """A shop on the real stack. `functions` are the addresses of the functions by name."""

    def __init__(self, shop_id: str, key: str, functions: dict[str, str], database: Database) -> None:
        self.id = shop_id
        self.database = database
        self.functions = functions
        self.authorization = {"Authorization": f"Bearer {key}"}

    def add_popup(self, **fields: Any) -> str:
        """Create an active popup with one line of text and return its id. `fields` replace its defaults."""
        design = {"heading": "Before you go", "button_text": "Yes, please", **fields.pop("design", {})}
        popup = {"name": "Popup", "status": "active", "design": design, **fields}
        address = f"{self.functions['manage_popups']}/popups"
        response = requests.post(address, json=popup, headers=self.authorization, timeout=10)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def add_discount_code(self, code: str) -> str:
        """10 % off; answers its id."""
        id_ = str(uuid.uuid4())
        self.database(
            "INSERT INTO discount_codes (id, shop_id, code, type, value)"
            " VALUES (:id, :shop_id, :code, 'percentage', 10)",
            id=id_,
            shop_id=self.id,
            code=code,
        )
        return id_

    def stats(self, popup_id: str) -> dict[str, Any]:
        address = f"{self.functions['stats']}/popups/{popup_id}"
        response = requests.get(address, headers=self.authorization, timeout=10)
        response.raise_for_status()
        return dict(response.json())

    @property
    def tag(self) -> str:
        """The attributes with which a page of this shop embeds the script."""
        functions = ("get_active_popups", "track_view", "track_conversion")
        addresses = "".join(f' data-{name.replace("_", "-")}="{self.functions[name]}/"' for name in functions)
        return f'data-shop="{escape(self.id)}"{addresses}'


class Shopper:
    """One browser profile that visits pages of one shop. Everything sent to the tracking functions is noted."""

    def __init__(self, context: BrowserContext, shop: Shop, *, own_clock: bool = True) -> None:
        self.context = context
        self.shop = shop
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._under_way: set[Request] = set()
        self._page: dict[str, Any] | None = None
        context.on("request", self._note)
        context.on("requestfinished", lambda request: self._under_way.discard(request))
        context.on("requestfailed", lambda request: self._under_way.discard(request))
        context.route(f"{ORIGIN}/**", self._answer)
        if own_clock:
            # It stands still unless the test moves it: how fast the machine is decides nothing.
            context.clock.install()
            context.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))
        self.own_clock = own_clock
        self.page: Page = context.new_page()

    def visit(self, path: str = "/", **page: Any) -> Page:
        """Open a page and wait until the script has started and its first second is over."""
        self.open(path, **page)
        self.wait(SETTLED)
        return self.page

    def wait(self, seconds: float) -> None:
        """Lets that much time pass for the page, without waiting for it."""
        if self.own_clock:
            self.page.clock.run_for(int(seconds * 1000))
        else:
            self.page.wait_for_timeout(seconds * 1000)

    def open(self, path: str = "/", **page: Any) -> Page:
        """Open a page and wait for the popups to arrive, but not for the first second to pass."""
        self.answer_pages(**page)
        popups = self.address_of("get_active_popups")
        with self.page.expect_response(lambda response: response.url.startswith(popups)) as response:
            self.page.goto(ORIGIN + path)
            self.wait(IDLE)
        if response.value.ok and self.own_clock:
            expected = len(response.value.json()["popups"])
            wait_until(self.page, "count => exitIntent.explain().length === count", expected)
            self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the script has started: it waits for an idle moment three times, and then for its second file."""
        self.wait(3 * IDLE)
        self.page.evaluate(_SECOND_FILE, f"{ORIGIN}/{DIALOG.name}")

    def answer_pages(
        self, *, attributes: str = "", head: str = "", body: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """From now on all pages of the shop look like this."""
        html = _PAGE.format(attributes=f"{self.shop.tag} {attributes}", head=head, body=body)
        self._page = {"body": html, "headers": {"Content-Type": "text/html; charset=utf-8", **(headers or {})}}

    def _answer(self, route: Route) -> None:
        """One route for pages and files: to set one costs as much as a request."""
        if self._page and route.request.resource_type == "document":
            route.fulfill(**self._page)
        elif route.request.url.removeprefix(f"{ORIGIN}/").startswith(("exit_intent.js", "storefront")):
            answer_script(route)
        else:
            route.fallback()

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def leave(self) -> None:
        """Move the mouse out of the window through the top."""
        leave(self.page)

    def close(self, way: str = "Escape") -> None:
        """By the keyboard, or by the button of that name."""
        if way == "Escape":
            self.page.keyboard.press("Escape")
        else:
            self.dialog.get_by_role("button", name=way).click()
        self.page.locator("dialog").wait_for(state="detached")

    def leave_email(self, email: str = "ada@example.com") -> None:
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_role("button", name="Yes, please").click()

    def is_shown(self, heading: str = "Before you go") -> bool:
        """Whether a popup with this heading is on screen, or will be as soon as the browser gets to it."""
        return self._appears(heading, within_ms=20_000)

    def is_absent(self, heading: str = "Before you go") -> bool:
        """Whether none with this heading is on screen, nor in a moment."""
        return not self._appears(heading, within_ms=400)

    def _appears(self, heading: str, within_ms: int) -> bool:
        with contextlib.suppress(Error):
            self.dialog.get_by_role("heading", name=heading).wait_for(state="visible", timeout=within_ms)
            return True
        return False

    def eventually(self, condition: Callable[[], Any], seconds: float = 20, *, passing: float = 0.25) -> bool:
        """Whether it comes true in time, which passes for the page too. The test's own listeners run meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
            self.wait(passing)
            if condition():
                return True
        return False

    def see(self) -> None:
        """Look at the popup until its view is counted, sent and answered."""
        before = len(self.sent)
        assert self.eventually(lambda: len(self.sent) > before and not self._under_way), "no view was sent"

    def look(self) -> None:
        """Let as much time pass as a view takes to be counted, and what is sent be answered: maybe nothing."""
        for _ in range(10):
            self.wait(1)
            self.page.wait_for_timeout(10)
        assert self.eventually(lambda: not self._under_way)

    def reason(self) -> str | None:
        """Why the shop's only popup would not show now, as exitIntent.explain() tells it."""
        wait_until(self.page, "exitIntent.explain().length")
        (told,) = self.page.evaluate("exitIntent.explain()")
        assert told["would_show"] is (told["reason"] is None)
        return told["reason"]

    def reasons(self) -> dict[str, str | None]:
        """Tell the same of each of the shop's popups, by its id."""
        told = self.page.evaluate("exitIntent.explain()")
        assert all(each["would_show"] is (each["reason"] is None) for each in told)
        return {each["id"]: each["reason"] for each in told}

    def begin_session(self) -> None:
        """Stay away until the session of before is over."""
        self.page.clock.fast_forward(31 * 60 * 1000)

    def reason_of_first(self) -> str | None:
        """Return the `reason` of the popup of the highest priority, which `explain()` lists first."""
        reason: str | None = self.page.evaluate("exitIntent.explain()[0].reason")
        return reason

    def address_of(self, name: str) -> str:
        """Of one function, as the page calls it."""
        return f"{self.shop.functions[name]}/"

    def notes(self, storage: str = "localStorage") -> dict[str, Any]:
        """Return what the script has stored, parsed, by key."""
        kept = json.loads(self.page.evaluate(f"JSON.stringify({storage})"))
        return {key: json.loads(value) for key, value in kept.items() if key.startswith("store-notes")}

    def views(self) -> list[dict[str, Any]]:
        return [event for name, body in self.sent if name == "track_view" for event in body.get("events", [])]

    def conversions(self) -> list[dict[str, Any]]:
        return [body for name, body in self.sent if name == "track_conversion"]

    def _note(self, request: Request) -> None:
        for name in ("track_view", "track_conversion"):
            if request.method == "POST" and request.url == self.address_of(name):
                self.sent.append((name, json.loads(request.post_data or "{}")))
                self._under_way.add(request)
