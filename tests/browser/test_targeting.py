"""Whom a popup is for. Every rule is asked through explain(), which is what a shop sees too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.support.shopper import DESKTOP, ORIGIN, Shop, Shopper

PAGES = [
    ("/products/*", "/products/fern", True),
    ("/products/*", "/products/", True),
    ("/products/*", "/products", False),
    ("/products", "/products?page=2", True),
    ("/search?q=*", "/search?q=fern", True),
    ("/search?q=*", "/search", False),
    ("*/fern", "/plants/big/fern", True),
    ("*/fern", "/plants/big/ferns", False),
    ("/a*b*c", "/a-b-b-c", True),
    ("/a*b*c", "/a-c-b", False),
    ("/ab*ba", "/aba", False),
    ("/café", "/caf%C3%A9", True),
    ("/café*", "/caf%C3%A9/100%25", True),
    ("/.*", "/anything", False),
    ("*", "/", True),
]


@pytest.mark.parametrize(("pattern", "path", "suits"), PAGES)
def test_pages_are_included_by_pattern(shop: Shop, shopper: Shopper, pattern: str, path: str, suits: bool) -> None:
    shop.add_popup(targeting={"include_pages": [pattern]})
    shopper.open(path)
    assert shopper.reason() == (None if suits else "targeting.include_pages")


def test_an_excluded_page_wins_over_an_included_one(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"include_pages": ["/shop/*"], "exclude_pages": ["*/sale"]})
    shopper.open("/shop/sale")
    assert shopper.reason() == "targeting.exclude_pages"
    shopper.open("/shop/cart")
    assert shopper.reason() is None


def test_a_pattern_cannot_make_the_page_slow(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"include_pages": ["/" + "a*" * 200 + "b"]})
    page = shopper.open("/" + "a" * 1500)
    assert (
        page.evaluate("(() => { const at = performance.now(); exitIntent.explain(); return performance.now() - at })()")
        < 50
    )


@pytest.mark.parametrize("device", ["desktop", "mobile", "tablet"])
def test_devices(shop: Shop, shopper: Shopper, phone_shopper: Shopper, device: str) -> None:
    shop.add_popup(targeting={"device_types": [device]})
    shopper.open()
    phone_shopper.open()
    assert shopper.reason() == (None if device == "desktop" else "targeting.device_types")
    assert phone_shopper.reason() == (None if device == "mobile" else "targeting.device_types")


def test_a_visitor_is_new_in_the_first_session_and_returning_after_it(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"visitors": "new"})
    shopper.open()
    shopper.open("/second-page")
    assert shopper.reason() is None
    shopper.wait(31 * 60)
    shopper.open()
    assert shopper.reason() == "targeting.visitors"


def test_returning_visitors_only(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"visitors": "returning"})
    shopper.open()
    assert shopper.reason() == "targeting.visitors"
    shopper.wait(31 * 60)
    shopper.open()
    assert shopper.reason() is None


REFERRERS = [
    ("search.example", "https://search.example/?q=plants", True),
    ("search.example", "https://www.search.example/", True),
    ("search.example", "https://research.example/", False),
    ("search.example", None, False),
    ("https://blog.example/*", "https://blog.example/post", True),
    ("blog.example/plants*", "https://blog.example/plants/fern", True),
    ("blog.example/plants*", "https://blog.example/", False),
]


@pytest.mark.parametrize(("pattern", "referrer", "suits"), REFERRERS)
def test_referrers(shop: Shop, shopper: Shopper, pattern: str, referrer: str | None, suits: bool) -> None:
    shop.add_popup(targeting={"referrers": [pattern]})
    came_from(shopper, referrer)
    shopper.open()
    assert shopper.reason() == (None if suits else "targeting.referrers")


def test_the_referrer_of_the_visit_holds_on_its_later_pages(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"referrers": ["search.example"]})
    came_from(shopper, "https://search.example/")
    shopper.open()
    shopper.page.add_init_script("delete Document.prototype.referrer")
    came_from(shopper, f"{ORIGIN}/")
    shopper.open("/second-page")
    assert shopper.reason() is None


def came_from(shopper: Shopper, referrer: str | None) -> None:
    script = f"Object.defineProperty(document, 'referrer', {{value: {referrer or ''!r}, configurable: true}})"
    shopper.page.add_init_script(script)


UTM = [
    ({"source": "letter"}, "/?utm_source=letter", None),
    ({"source": "letter"}, "/?utm_source=shop", "targeting.utm"),
    ({"source": "letter"}, "/", "targeting.utm"),
    ({"source": "letter", "campaign": "spring*"}, "/?utm_source=letter&utm_campaign=spring-2", None),
    ({"source": "letter", "campaign": "spring*"}, "/?utm_source=letter", "targeting.utm"),
]


@pytest.mark.parametrize(("utm", "path", "reason"), UTM)
def test_utm_parameters(shop: Shop, shopper: Shopper, utm: dict[str, str], path: str, reason: str | None) -> None:
    shop.add_popup(targeting={"utm": utm})
    shopper.open(path)
    shopper.open("/second-page")
    assert shopper.reason() == reason


CARTS: list[tuple[dict[str, Any], Any, str | None]] = [
    ({"min_cart_value": "50.00"}, None, "targeting.min_cart_value"),
    ({"min_cart_value": "50.00"}, {"value": "49.99", "items": 1}, "targeting.min_cart_value"),
    ({"min_cart_value": "50.00"}, {"value": "50.00", "items": 1}, None),
    ({"min_cart_value": "50.00"}, {"value": 120, "items": 1}, None),
    ({"min_cart_value": "50.00"}, {"value": "a lot", "items": 1}, "targeting.min_cart_value"),
    ({"max_cart_value": "50.00"}, None, None),
    ({"max_cart_value": "50.00"}, {"value": "50.00", "items": 1}, None),
    ({"max_cart_value": "50.00"}, {"value": "100.00", "items": 1}, "targeting.max_cart_value"),
    ({"min_cart_items": 2}, None, "targeting.min_cart_items"),
    ({"min_cart_items": 2}, {"value": "9.00", "items": 1}, "targeting.min_cart_items"),
    ({"min_cart_items": 2}, {"value": "9.00", "items": 2}, None),
]


@pytest.mark.parametrize(("rule", "cart", "reason"), CARTS)
def test_cart(shop: Shop, shopper: Shopper, rule: dict[str, Any], cart: Any, reason: str | None) -> None:
    shop.add_popup(targeting=rule)
    page = shopper.open()
    if cart:
        page.evaluate("cart => exitIntent.cart(cart)", {"currency": "USD", **cart})
        shopper.open("/second-page")
    assert shopper.reason() == reason


def test_a_draft_is_nobodys_business(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(status="draft")
    page = shopper.open()
    assert page.evaluate("exitIntent.explain()") == []


def test_a_tablet_is_a_tablet(shop: Shop, new_context: Any) -> None:
    shop.add_popup(targeting={"device_types": ["tablet"]})
    screen = {"width": 820, "height": 1180}
    tablet = Shopper(
        new_context(**DESKTOP | {"viewport": screen, "screen": screen, "is_mobile": True, "has_touch": True}), shop
    )
    tablet.open()
    assert tablet.reason() is None


def test_the_utm_parameters_of_two_links_are_not_mixed(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"utm": {"source": "shop", "campaign": "spring"}})
    shopper.open("/?utm_source=letter&utm_campaign=spring")
    shopper.open("/?utm_source=shop")
    assert shopper.reason() == "targeting.utm"
