"""Measure what the script costs the main thread while a page loads: `python -m tests.browser.load_time [FILE]`.

FILE is another edition of the script in one file, measured in the same rounds. `--rounds N` (24) says how many.

Each round opens every page with every edition in a new profile, every other round in reverse order. Prints processor
time in milliseconds on a machine of a quarter of this one's speed, that is four times what was measured: Chromium's own
slow-down stalls the thread at random and begins late in a new process, so that rounds differ by a factor of five.
Of the rounds it tells the lower quartile and the median, while the page loads and with all that the script puts off
until the page is idle; and the median of this edition's cost over the other's in the same round, which is the fairest
figure on a machine that does other work.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import product, takewhile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Route, sync_playwright

from tests.browser.support.built import DIALOG, LOADER
from tests.support.chromium import ARGUMENTS, CHROMIUM

SLOW_DOWN = 4
SETTLED_MS = 1500
ORIGIN = "http://shop.localhost"
SCRIPT = f"{ORIGIN}/exit_intent.js"
# Whatever the script does happens in one of these. They nest, and then the outermost counts.
PARTS = {
    "v8.compile": "compiling",
    "EvaluateScript": "evaluation",
    "v8.compileModule": "compiling the dialog part",
    "v8.evaluateModule": "evaluation of the dialog part",
    "EventDispatch": "events",
    "FireIdleCallback": "idle callbacks",
    "TimerFire": "timers",
    "FunctionCall": "other calls",
    "RunMicrotasks": "after an answer",
}
TAG = '<script async src="/exit_intent.js" data-shop="shop"></script>'
USES_BOTH = "<script>localStorage.cart = localStorage.cart || 0; sessionStorage.tab = 1; fetch('/stock')</script>"
HAS_USED_BOTH = f"<!doctype html><title>Shop</title>{USES_BOTH}{TAG}<h1>Shop</h1>"
# The first use of storage and of fetch costs a page the same, whoever makes it.
PAGES = {
    "a page that has used neither storage nor fetch": f"<!doctype html><title>Shop</title>{TAG}<h1>Shop</h1>",
    "a page that has used both, as every shop's": HAS_USED_BOTH,
    "the same, and no popup could show": HAS_USED_BOTH.replace("Shop", "No popups", 1),
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
    parser = argparse.ArgumentParser(prog="load_time", description="What the script costs a page that loads.")
    parser.add_argument("file", nargs="?", type=Path, help="another edition of the script")
    parser.add_argument("--rounds", type=int, default=24)
    options = parser.parse_args()
    editions = [LOADER, *([options.file] if options.file else [])]
    cases = list(product(PAGES, editions))
    measured: dict[tuple[str, Path], list[Costs]] = {case: [] for case in cases}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for number in range(options.rounds):
            for page, edition in cases if number % 2 else reversed(cases):
                cost = measure(browser, PAGES[page], edition.read_text())
                measured[page, edition].append(cost)
        browser.close()
    for page in PAGES:
        report(page, {edition: measured[page, edition] for edition in editions})


def report(page: str, measured: dict[Path, list[Costs]]) -> None:
    lines = [f"On {page}:"]
    for name, summed in (("while it loads", at_load), ("with what waits until it is idle", total)):
        sums = {edition: [summed(costs) for costs in rounds] for edition, rounds in measured.items()}
        lines += [f"  {name}:", *(f"    {edition.name}: {told(each)}" for edition, each in sums.items())]
        if len(sums) == 2:
            ratios = [one / other for one, other in zip(*sums.values(), strict=True)]
            lines.append(f"    this edition over the other: {median(ratios):.2f}")
    longest = min(max(milliseconds for _, milliseconds in costs) for costs in measured[LOADER])
    lines += [f"  this edition's longest piece: {longest:.1f} ms; the parts of its lowest round:"]
    lines += [f"    {milliseconds:4.1f}  {part}" for part, milliseconds in min(measured[LOADER], key=total)]
    print(*lines, sep="\n")  # noqa: T201


def told(sums: list[float]) -> str:
    quartile, *_ = quantiles(sums, n=4)
    return f"lower quartile {quartile:.1f} ms, median {median(sums):.1f} ms"


def at_load(costs: Costs) -> float:
    """Return the milliseconds of main thread that the page could not put off."""
    return total(takewhile(lambda cost: cost[0] != PARTS["FireIdleCallback"], costs))


def total(costs: Iterable[tuple[str, float]]) -> float:
    return sum(milliseconds for _, milliseconds in costs)


def measure(browser: Browser, html: str, script: str) -> Costs:
    """Return what ran on the main thread because of the script, in order, in milliseconds of processor time."""
    context = browser.new_context()
    page = context.new_page()
    page.route(f"{ORIGIN}/**", lambda route: answer(route, html, script))
    session = context.new_cdp_session(page)
    events = trace(session, page)
    context.close()
    return outermost(since_script(events))


def since_script(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the main thread's events from the script's arrival on; the page's own are over by then."""
    timed = sorted((event for event in events if event["name"] in PARTS and "tdur" in event), key=lambda one: one["ts"])
    first = next(event for event in timed if is_of_script(event))
    return [event for event in timed if event["tid"] == first["tid"] and event["ts"] >= first["ts"]]


def is_of_script(event: dict[str, Any]) -> bool:
    data = event["args"].get("data", {})
    return SCRIPT in (data.get("url"), event.get("args", {}).get("fileName"))


def outermost(events: list[dict[str, Any]]) -> Costs:
    """Leave out what others hear: an event that calls no function is none of the script's."""
    costs: Costs = []
    calls = [event["ts"] for event in events if event["name"] == "FunctionCall"]
    end = 0.0
    for event in events:
        if event["ts"] < end:
            continue
        end = event["ts"] + event["dur"]
        if event["name"] != "EventDispatch" or any(event["ts"] <= call < end for call in calls):
            costs.append((PARTS[event["name"]], event["tdur"] / 1000 * SLOW_DOWN))
    return costs


def answer(route: Route, html: str, script: str) -> None:
    if "get_active_popups" in route.request.url:
        popup = {**POPUP, "targeting": {"include_pages": ["/elsewhere"] if "No popups" in html else []}}
        route.fulfill(json={"popups": [{"id": str(number), **popup} for number in range(5)]})
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
