"""What shoppers download: small, named after its content, and as good as the source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext

from cli.script import PARTS
from storefront import build
from tests.browser.shopper import DESKTOP, ORIGIN, Shop, Shopper
from tests.stack import ROOT

SHIFTS = """new PerformanceObserver(list => {
    for (const shift of list.getEntries()) window.shifted = (window.shifted || 0) + shift.value;
}).observe({type: "layout-shift", buffered: true})"""


def test_it_is_at_most_8_kib() -> None:
    assert build.gzipped_bytes(build.minified()) <= build.MAX_GZIPPED_BYTES


def test_every_part_is_in_it() -> None:
    assert {part.name for part in (ROOT / "storefront" / "script").iterdir()} == set(PARTS)


def test_its_name_changes_with_its_content(tmp_path: Path) -> None:
    path = build.write(tmp_path)
    assert path.name == build.versioned_name(path.read_text())
    assert build.versioned_name(path.read_text() + " ") != path.name


def test_the_minified_script_does_the_job_and_shifts_nothing(
    shop: Shop, new_context: Callable[..., BrowserContext]
) -> None:
    code_id = shop.add_discount_code("FERN10")
    image = "https://images.example/plant.png"
    popup_id = shop.add_popup(
        offer={"type": "email_capture", "discount_code_id": code_id}, design={"image_url": image, "layout": "left"}
    )
    shopper = Shopper(new_context(**DESKTOP), shop)
    shopper.context.route(image, lambda route: route.fulfill(body="", content_type="image/png"))
    shopper.answer_script(build.minified())
    page = shopper.visit()
    page.evaluate(SHIFTS)
    shopper.leave()
    assert shopper.is_shown()
    shopper.see()
    shopper.leave_email()
    shopper.dialog.get_by_text("FERN10").wait_for()
    page.wait_for_timeout(600)
    shopper.close()
    page.wait_for_timeout(200)
    assert page.evaluate("window.shifted") is None
    stats = shop.stats(popup_id)
    assert (stats["views"], stats["conversions_by_type"]["email_capture"]) == (1, 1)


def test_it_asks_for_nothing_before_the_page_has_loaded(shop: Shop, shopper: Shopper) -> None:
    order: list[str] = []
    shopper.context.on("request", lambda request: order.append(request.url.split("?")[0]))
    image = f"{ORIGIN}/late.png"
    shopper.context.route(image, lambda route: route.fulfill(body="", content_type="image/png"))
    shopper.open(body=f"<img src='{image}' alt='' width=1 height=1>")
    assert order.index(image) < order.index(shopper.address_of("get_active_popups"))
