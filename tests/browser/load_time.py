"""Measures what the script costs the main thread while a page loads: `python -m tests.browser.load_time`.

Chromium runs at a quarter of its speed, with a profile that has never used storage or fetch before: the first use of
each is most of what is measured. Prints the milliseconds of every round; the machine's other work is in them, so the
lowest tell most.
"""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Route, sync_playwright

from storefront import build
from tests.browser.conftest import ARGUMENTS, CHROMIUM

ROUNDS = 12
SLOWDOWN = 4
SETTLED_MS = 1500
ORIGIN = "http://shop.localhost"
EVENTS = ("EvaluateScript", "v8.compile", "FunctionCall")
PAGE = '<!doctype html><title>Shop</title><script async src="/exit_intent.js" data-shop="shop"></script><h1>Shop</h1>'
POPUP = {
    "trigger": {"type": "exit_intent"},
    "design": {},
    "targeting": {},
    "frequency": {},
    "offer": {},
    "variants": [],
}


def main() -> None:
    script = build.minified()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        rounds = sorted(measure(browser, script) for _ in range(ROUNDS))
        browser.close()
    print("ms of main thread:", *(f"{milliseconds:.1f}" for milliseconds in rounds))  # noqa: T201


def measure(browser: Browser, script: str) -> float:
    """Milliseconds of the main thread in which the script ran."""
    context = browser.new_context()
    page = context.new_page()
    page.route(f"{ORIGIN}/**", lambda route: answer(route, script))
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    events = trace(session, page)
    context.close()
    ours = [event for event in events if event["name"] in EVENTS and "exit_intent.js" in json.dumps(event.get("args"))]
    return float(sum(event.get("tdur", 0) for event in ours)) / 1000


def answer(route: Route, script: str) -> None:
    if "get_active_popups" in route.request.url:
        route.fulfill(json={"popups": [{"id": str(number), **POPUP} for number in range(5)]})
    elif "exit_intent.js" in route.request.url:
        route.fulfill(body=script, content_type="text/javascript")
    else:
        route.fulfill(body=PAGE, content_type="text/html")


def trace(session: CDPSession, page: Page) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    done: list[Any] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda data: done.append(data))
    session.send("Tracing.start", {"transferMode": "ReportEvents", "categories": "devtools.timeline"})
    page.goto(ORIGIN)
    page.wait_for_timeout(SETTLED_MS)
    session.send("Tracing.end")
    while not done:
        page.wait_for_timeout(50)
    return events


if __name__ == "__main__":
    main()
