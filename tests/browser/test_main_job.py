"""The main job on what `popups dev` starts: a leaving shopper sees the popup, and the merchant what came of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext, expect

from cli.dev.child import Child, free_port
from tests.browser.support.shopper import DESKTOP, PHONE, leave_until_shown, wait_until
from tests.support.stack import ROOT, eventually, temporary_folder

EMAIL = "ada@example.com"


@dataclass
class DemoStore:
    address: str
    key: str

    def get(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}"}
        response = requests.get(f"{self.address}/{path}", headers=headers, timeout=10)
        response.raise_for_status()
        return dict(response.json())

    def popup_with(self, trigger: str) -> dict[str, Any]:
        popups = self.get("manage_popups/popups")["popups"]
        return dict(next(popup for popup in popups if popup["trigger"]["type"] == trigger))


@pytest.fixture(scope="module")
def demo_store() -> Iterator[DemoStore]:
    port = free_port()
    with temporary_folder() as folder:
        log = folder / "log"
        program = [sys.executable, "-c", "from cli.main import popups; popups()"]
        command = [*program, "dev", "--port", str(port), "--data", str(folder / "data"), "--no-history"]
        child = Child("popups dev", command, log, folder=ROOT)
        child.start(lambda: "Ctrl-C stops everything" in log.read_text())
        key = re.search(r"demo key\s+(\S+)", log.read_text())
        assert key
        yield DemoStore(f"http://localhost:{port}", key[1])
        child.stop()


def test_a_leaving_shopper_gets_a_code_and_the_merchant_a_subscriber(
    demo_store: DemoStore, new_context: Callable[..., BrowserContext]
) -> None:
    popup = demo_store.popup_with("exit_intent")
    page = new_context(**DESKTOP, reduced_motion="no-preference").new_page()
    page.goto(f"{demo_store.address}/")
    wait_until(page, "window.exitIntent && exitIntent.explain().length")
    dialog = page.get_by_role("dialog", name=popup["design"]["heading"])
    with page.expect_response(lambda response: "track_view" in response.url):  # a shopper looks before typing
        leave_until_shown(page)
        expect(dialog).to_be_visible()

    dialog.get_by_label("E-mail").fill(EMAIL)
    dialog.get_by_role("checkbox", name=popup["offer"]["consent_text"]).check()
    dialog.get_by_role("button", name=popup["design"]["button_text"]).click()
    thanks = page.get_by_role("dialog", name="Thank you!")
    expect(thanks.get_by_text("WELCOME10")).to_be_visible()
    thanks.get_by_role("button", name="Continue shopping").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    address = f"stats/popups/{popup['id']}"
    assert eventually(lambda: figures(demo_store.get(address)) == (1, 1, 1))
    stats = demo_store.get(address)
    assert stats["conversions_by_type"]["email_capture"] == 1
    assert stats["by_device"][0]["device_type"] == "desktop"


def figures(stats: dict[str, Any]) -> tuple[int, int, int]:
    return stats["views"], stats["unique_viewers"], stats["conversions"]


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_order_can_be_placed_in_the_demo_store(
    demo_store: DemoStore, new_context: Callable[..., BrowserContext], options: dict[str, Any]
) -> None:
    page = new_context(**options).new_page()
    page.goto(f"{demo_store.address}/")
    page.get_by_role("link", name="Pilea").click()
    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("link", name="Cart (1)").click()
    page.get_by_role("button", name="Buy now").click()
    expect(page.get_by_role("heading", name="Thank you for your order")).to_be_visible()


def test_the_demo_store_fits_a_phone(demo_store: DemoStore, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(**PHONE).new_page()
    for path in ("", "product.html?plant=fern", "cart.html", "thank-you.html", "try.html"):
        page.goto(f"{demo_store.address}/{path}")
        wait_until(page, "window.exitIntent && exitIntent.explain().length")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_everything_can_be_tried_by_hand(demo_store: DemoStore, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(**DESKTOP).new_page()
    page.goto(f"{demo_store.address}/try.html")
    expect(page.get_by_role("cell", name="targeting.include_pages").first).to_be_visible()
    for look in ("Centered", "Left", "Right, dark", "A click for a code", "News only", "Hard to read"):
        page.get_by_role("button", name=look, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text('"refused": true')).to_be_visible()
