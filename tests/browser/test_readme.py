"""The examples of storefront/README.md, on a page that has them as they are written there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.support.built import DIST, FILES, LOADER
from tests.browser.support.shopper import DESKTOP, ORIGIN, wait_until
from tests.support.stack import ROOT

EXAMPLES: dict[str, list[str]] = {"html": [], "js": [], "css": []}
for language, text in re.findall(r"```(\w+)\n(.*?)```", (ROOT / "storefront" / "README.md").read_text(), re.DOTALL):
    EXAMPLES[language].append(text)

# `EMBED` stands alone; the words' tag names no API, and its page's own origin has none.
EMBED, PINNED, SETTINGS, WORDS = EXAMPLES["html"]
CALLS, _ = EXAMPLES["js"]
(FONT,) = EXAMPLES["css"]
CDN, API = "https://cdn.example", "https://api.example"
BARE_TAG = f'<script async src="{CDN}/storefront.js"></script>'
POPUP = {"id": "p", "trigger": {"type": "exit_intent"}, "design": {"heading": "Hello"}, "offer": {"type": "none"}}
ANSWER = {"popups": [{**POPUP, "variants": [], "holdout_percent": 0}], "shop": {"currency": "EUR"}}
LISTS_THE_POPUP = "window.exitIntent?.explain?.().length === 1"


def answer(route: Route, html: str) -> None:
    url = route.request.url
    if url.startswith(CDN):
        path = DIST / url.removeprefix(f"{CDN}/")
        route.fulfill(path=path, content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"})
    elif url.startswith(API):
        route.fulfill(json=ANSWER, headers={"Access-Control-Allow-Origin": "*"})
    else:
        body = html if route.request.resource_type == "document" else ""
        route.fulfill(body=body, content_type="text/html; charset=utf-8")


Visit = Callable[[str], Page]


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext]) -> Visit:
    """Open a page with that in its head."""

    def visited(head: str) -> Page:
        context = new_context(**DESKTOP)
        html = f"<!doctype html><html lang=en><title>Shop</title>{head}<h1>Shop</h1>"
        context.route("**/*", lambda route: answer(route, html))
        page = context.new_page()
        page.goto(ORIGIN)
        return page

    return visited


@pytest.mark.parametrize("head", [EMBED, SETTINGS + BARE_TAG], ids=["tag", "settings"])
def test_the_script_embedded_as_written_has_the_shops_popups(visit: Visit, head: str) -> None:
    wait_until(visit(head), LISTS_THE_POPUP)


@pytest.mark.parametrize(("integrity", "runs"), [(FILES["integrity"], True), (f"sha384-{'A' * 64}", False)])
def test_a_pinned_version_runs_only_if_it_is_the_one_that_was_pinned(
    visit: Visit, integrity: str, *, runs: bool
) -> None:
    tag = PINNED.replace("storefront-0123456789ab.js", LOADER.name).replace("sha384-…", integrity)
    page = visit(tag)
    if runs:
        wait_until(page, LISTS_THE_POPUP)
    else:
        wait_until(page, "performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        assert page.evaluate("window.exitIntent") is None


def test_calls_written_before_the_script_came_are_made(visit: Visit) -> None:
    page = visit(f"<script>{CALLS}</script>{EMBED}")
    wait_until(page, LISTS_THE_POPUP)
    notes = "JSON.parse(localStorage['store-notes:acme'] || null)"
    wait_until(page, f"{notes}?.order === '1001'")
    assert page.evaluate(f"{notes}.session.cart") == {"value": 49.9, "currency": "EUR", "items": 3}


def test_a_page_chooses_the_popups_typeface(visit: Visit) -> None:
    page = visit(f"<style>{FONT}</style>{EMBED}")
    wait_until(page, LISTS_THE_POPUP)
    page.evaluate("exitIntent.preview('p')")
    expect(page.get_by_role("heading", name="Hello")).to_have_css("font-family", "Inter, sans-serif")


def test_a_shop_replaces_words(visit: Visit) -> None:
    page = visit(WORDS.replace("data-shop", f'data-api="{API}" data-shop'))
    wait_until(page, LISTS_THE_POPUP)
    page.evaluate("exitIntent.preview('p')")
    expect(page.get_by_role("button", name="Schließen")).to_be_visible()
    expect(page.get_by_role("button", name="Nein, danke")).to_be_visible()


def test_words_that_are_no_json_are_told_and_stay_english(visit: Visit) -> None:
    page = visit(EMBED.replace("data-shop", "data-words='{close}' data-shop"))
    wait_until(page, LISTS_THE_POPUP)
    with page.expect_console_message(lambda message: "data-words is not JSON" in message.text):
        page.evaluate("exitIntent.preview('p')")
    expect(page.get_by_role("button", name="Close")).to_be_visible()
