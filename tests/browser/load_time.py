"""Measures what the script costs the main thread while a page loads: `python -m tests.browser.load_time [FILE]`.

FILE is another edition of the script in one file, which is measured in the same rounds.

Chromium runs at a quarter of its speed, with a new profile each time, on two pages: one on which nothing has used
localStorage or fetch before, and one whose own script has, as every shop's does. The first use of each costs a page
the same whoever makes it. Prints for both what the script cost while the page loads and with what it puts off until the
page is idle, and of the lowest round each part: the machine's other work is in all of them, so the lowest tell most.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import product, takewhile
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Route, sync_playwright

from tests.browser.support.built import DIALOG, LOADER
from tests.support.chromium import ARGUMENTS, CHROMIUM

ROUNDS = 12
SLOWDOWN = 4
SETTLED_MS = 1500
ORIGIN = "http://shop.localhost"
SCRIPT = f"{ORIGIN}/exit_intent.js"
# Whatever the script does happens in one of these. They nest, and then the outermost counts.
PARTS = {
    "v8.compile": "compiling",
    "EvaluateScript": "evaluation",
    "EventDispatch": "events",
    "FireIdleCallback": "idle callbacks",
    "TimerFire": "timers",
    "FunctionCall": "other calls",
    "RunMicrotasks": "after an answer",
}
TAG = '<script async src="/exit_intent.js" data-shop="shop"></script>'
USES_BOTH = "<script>localStorage.cart = localStorage.cart || 0; sessionStorage.tab = 1; fetch('/stock')</script>"
PAGES = {
    "page that uses neither storage nor fetch": f"<!doctype html><title>Shop</title>{TAG}<h1>Shop</h1>",
    "page that has used both": f"<!doctype html><title>Shop</title>{USES_BOTH}{TAG}<h1>Shop</h1>",
}
POPUP = {
    "trigger": {"type": "exit_intent"},
    "design": {},
    "targeting": {},
    "frequency": {},
    "offer": {},
    "variants": [],
}
Costs = list[tuple[str, float]]


def main() -> None:
    editions = {"this edition": LOADER, **{name: Path(name) for name in sys.argv[1:]}}
    measured: dict[tuple[str, str], list[Costs]] = {case: [] for case in product(PAGES, editions)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for _ in range(ROUNDS):
            for page, edition in measured:
                measured[page, edition].append(measure(browser, PAGES[page], editions[edition].read_text()))
        browser.close()
    for (page, edition), rounds in measured.items():
        report(f"{page}, {edition}", sorted(rounds, key=total))


def report(name: str, rounds: list[Costs]) -> None:
    longest = min(max(milliseconds for _, milliseconds in costs) for costs in rounds)
    lines = [
        f"{name}: longest piece {longest:.1f} ms",
        f"  while it loads: {told(map(at_load, rounds))}",
        f"  with what waits until it is idle: {told(map(total, rounds))}; the lowest of these:",
        *(f"  {milliseconds:5.1f}  {part}" for part, milliseconds in rounds[0]),
    ]
    print(*lines, sep="\n")  # noqa: T201


def told(sums: Iterable[float]) -> str:
    ordered = sorted(sums)
    return f"lowest {ordered[0]:.1f} ms, median {median(ordered):.1f} ms"


def at_load(costs: Costs) -> float:
    """What the page could not put off."""
    return total(takewhile(lambda cost: cost[0] != PARTS["FireIdleCallback"], costs))


def total(costs: Iterable[tuple[str, float]]) -> float:
    return sum(milliseconds for _, milliseconds in costs)


def measure(browser: Browser, html: str, script: str) -> Costs:
    """What ran on the main thread because of the script, in order, in milliseconds of processor time."""
    context = browser.new_context()
    page = context.new_page()
    page.route(f"{ORIGIN}/**", lambda route: answer(route, html, script))
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    events = trace(session, page)
    context.close()
    return outermost(since_script(events))


def since_script(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What its thread did once the script had arrived; the page's own is over by then."""
    timed = sorted((event for event in events if event["name"] in PARTS and "tdur" in event), key=lambda one: one["ts"])
    first = next(event for event in timed if is_of_script(event))
    return [event for event in timed if event["tid"] == first["tid"] and event["ts"] >= first["ts"]]


def is_of_script(event: dict[str, Any]) -> bool:
    data = event["args"].get("data", {})
    return SCRIPT in (data.get("url"), event.get("args", {}).get("fileName"))


def outermost(events: list[dict[str, Any]]) -> Costs:
    costs: Costs = []
    end = 0.0
    for event in events:
        if event["ts"] >= end:
            end = event["ts"] + event["dur"]
            costs.append((PARTS[event["name"]], event["tdur"] / 1000))
    return costs


def answer(route: Route, html: str, script: str) -> None:
    if "get_active_popups" in route.request.url:
        route.fulfill(json={"popups": [{"id": str(number), **POPUP} for number in range(5)]})
    elif route.request.url.endswith(DIALOG.name):
        route.fulfill(path=DIALOG, content_type="text/javascript")
    elif route.request.url == SCRIPT:
        route.fulfill(body=script, content_type="text/javascript")
    elif route.request.resource_type == "document":
        route.fulfill(body=html, content_type="text/html")
    else:
        route.fulfill(json={})


def trace(session: CDPSession, page: Page) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    done: list[Any] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda data: done.append(data))
    session.send("Tracing.start", {"transferMode": "ReportEvents", "categories": "devtools.timeline,v8,v8.execute"})
    page.goto(ORIGIN)
    page.wait_for_timeout(SETTLED_MS)
    session.send("Tracing.end")
    while not done:
        page.wait_for_timeout(50)
    return events


if __name__ == "__main__":
    main()
