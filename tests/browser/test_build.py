"""What shoppers download: it does the job, shifts nothing, and the second of its two parts waits for its turn."""

from __future__ import annotations

import pytest

from tests.browser.support.built import DIALOG, LOADER
from tests.browser.support.shopper import ORIGIN, Shop, Shopper, leave_until_shown, wait_until

PICTURE = "<svg xmlns='http://www.w3.org/2000/svg' width='600' height='800'/>"
SHIFTS = """new PerformanceObserver(list => {
    for (const shift of list.getEntries()) window.shifted = (window.shifted || 0) + shift.value;
}).observe({type: "layout-shift", buffered: true})"""


def test_the_script_does_the_job_and_shifts_nothing(shop: Shop, shopper: Shopper) -> None:
    """Of an image that can be shown: one that is broken leaves its place to the text."""
    code_id = shop.add_discount_code("FERN10")
    image = "https://images.example/plant.svg"
    popup_id = shop.add_popup(
        offer={"type": "email_capture", "discount_code_id": code_id}, design={"image_url": image, "layout": "left"}
    )
    shopper.context.route(image, lambda route: route.fulfill(body=PICTURE, content_type="image/svg+xml"))
    shopper.page.emulate_media(reduced_motion="no-preference")
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


def files_fetched(shopper: Shopper) -> list[str]:
    """Return a list to which the name of each of the script's files is added as it is fetched."""
    names: list[str] = []

    def note(address: str) -> None:
        if address.endswith(".js"):
            names.append(address.rsplit("/", 1)[1])

    shopper.context.on("request", lambda request: note(request.url))
    return names


def test_the_dialog_part_is_fetched_once_a_popup_could_show(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    fetched = files_fetched(shopper)
    shopper.open()
    shopper.open("/second")
    assert fetched == ["exit_intent.js", DIALOG.name] * 2


def test_a_page_on_which_none_could_show_does_not_fetch_it(shop: Shop, shopper: Shopper) -> None:
    for rule in ({"include_pages": ["/nowhere"]}, {"device_types": ["tablet"]}, {"min_cart_items": 1}):
        shop.add_popup(targeting=rule)
    shop.add_popup(status="paused")
    fetched = files_fetched(shopper)
    shopper.visit()
    shopper.leave()
    shopper.look()
    assert fetched == ["exit_intent.js"]


def test_a_popup_that_the_cart_allows_later_is_shown_all_the_same(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"min_cart_items": 1})
    shopper.visit()
    shopper.page.evaluate("exitIntent.cart({items: 1})")
    shopper.settle()
    shopper.leave()
    assert shopper.is_shown()


def test_a_click_that_came_before_the_dialog_part_shows_the_popup_once_it_is_there(
    shop: Shop, shopper: Shopper
) -> None:
    shop.add_popup(trigger={"type": "click", "selector": "#link"})
    shopper.context.route("**/" + DIALOG.name, lambda route: route.abort(), times=1)
    page = shopper.visit()
    page.click("#link")
    assert shopper.is_shown()
    assert "#here" not in page.url


def test_without_the_dialog_part_nothing_is_counted_and_the_page_is_left_alone(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.context.route("**/" + DIALOG.name, lambda route: route.abort())
    warnings: list[str] = []
    shopper.page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    shopper.visit()
    shopper.leave()
    assert shopper.is_absent()
    assert warnings
    assert shopper.notes()[f"store-notes:{shop.id}"]["seen"] == {}
    assert shopper.reason() is None


CDN = "http://cdn.localhost"


@pytest.mark.parametrize(
    "policy",
    [
        f"script-src {CDN}",
        "script-src 'nonce-abc'",
        "script-src 'nonce-abc' 'strict-dynamic'",
        f"script-src {CDN}; require-trusted-types-for 'script'; trusted-types 'none'",
    ],
    ids=["host", "nonce", "strict-dynamic", "trusted types"],
)
def test_the_dialog_part_comes_from_another_origin_under_a_strict_policy(
    shop: Shop, shopper: Shopper, policy: str
) -> None:
    shop.add_popup()
    shopper.context.route(
        f"{CDN}/*",
        lambda route: route.fulfill(
            path=LOADER.parent / route.request.url.rsplit("/", 1)[1],
            content_type="text/javascript",
            headers={"Access-Control-Allow-Origin": "*"},
        ),
    )
    tag = f'<script nonce="abc" async src="{CDN}/storefront.js" {shop.tag}></script>'
    html = f"<!doctype html><title>Shop</title>{tag}<h1>Shop</h1>"
    policy = f"default-src 'none'; connect-src *; {policy}"
    shopper.context.route(
        f"{ORIGIN}/strict",
        lambda route: route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": policy}),
    )
    popups = shopper.address_of("get_active_popups")
    with shopper.page.expect_response(lambda response: response.url.startswith(popups)):
        shopper.page.goto(f"{ORIGIN}/strict")
        shopper.wait(1)
    wait_until(shopper.page, "exitIntent.explain().length")
    shopper.wait(2)
    leave_until_shown(shopper.page)  # the policy hides from a test when the part has come
    assert shopper.is_shown()
