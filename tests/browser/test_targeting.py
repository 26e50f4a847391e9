"""Whom a popup is for. Every rule is asked through explain(), which is what a shop sees too."""

from __future__ import annotations

from typing import Any

from tests.browser.support.shopper import DESKTOP, ORIGIN, Shop, Shopper, wait_until

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


def test_pages_are_included_by_pattern(shop: Shop, shopper: Shopper) -> None:
    """One page of each path is loaded; the shop has a popup for each pattern."""
    popups = {pattern: shop.add_popup(targeting={"include_pages": [pattern]}) for pattern, *_ in PAGES}
    found: dict[tuple[str, str], str | None] = {}
    for path in {path for _, path, _ in PAGES}:
        shopper.open(path)
        reasons = shopper.reasons()
        found |= {(pattern, path): reasons[popups[pattern]] for pattern, at, _ in PAGES if at == path}
    assert found == {(pattern, path): None if suits else "targeting.include_pages" for pattern, path, suits in PAGES}


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


def test_devices(shop: Shop, shopper: Shopper, phone_shopper: Shopper) -> None:
    popups = {
        device: shop.add_popup(targeting={"device_types": [device]}) for device in ("desktop", "mobile", "tablet")
    }
    for visitor, own in ((shopper, "desktop"), (phone_shopper, "mobile")):
        visitor.open()
        expected = {id_: None if device == own else "targeting.device_types" for device, id_ in popups.items()}
        assert visitor.reasons() == expected, own


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


def test_referrers(shop: Shop, shopper: Shopper) -> None:
    popups = {pattern: shop.add_popup(targeting={"referrers": [pattern]}) for pattern, *_ in REFERRERS}
    found: dict[tuple[str, str | None], str | None] = {}
    for referrer in {referrer for _, referrer, _ in REFERRERS}:
        came_from(shopper, referrer)
        shopper.open()
        reasons = shopper.reasons()
        found |= {(pattern, referrer): reasons[popups[pattern]] for pattern, of, _ in REFERRERS if of == referrer}
        shopper.begin_session()
    assert found == {
        (pattern, referrer): None if suits else "targeting.referrers" for pattern, referrer, suits in REFERRERS
    }


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


def test_utm_parameters(shop: Shop, shopper: Shopper) -> None:
    """Those of the session's first page hold on its second."""
    popups = {str(utm): shop.add_popup(targeting={"utm": utm}) for utm, *_ in UTM}
    found = []
    for utm, path, _ in UTM:
        shopper.open(path)
        shopper.open("/second-page")
        found.append((utm, path, shopper.reasons()[popups[str(utm)]]))
        shopper.begin_session()
    assert found == UTM


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


def test_cart(shop: Shop, shopper: Shopper) -> None:
    popups = {str(rule): shop.add_popup(targeting=rule) for rule, *_ in CARTS}
    shopper.open()
    of_no_cart = shopper.reasons()
    assert [of_no_cart[popups[str(rule)]] for rule, cart, _ in CARTS if not cart] == [
        reason for _, cart, reason in CARTS if not cart
    ]
    for rule, cart, reason in CARTS:
        if cart:
            shopper.page.evaluate("cart => exitIntent.cart(cart)", {"currency": "USD", **cart})
            # What is not written as a number is read by a file that comes when it is needed.
            told = "([id, reason]) => exitIntent.explain().find(told => told.id === id).reason === reason"
            wait_until(shopper.page, told, [popups[str(rule)], reason])
    on_this_page = shopper.reasons()
    shopper.open("/second-page")
    assert shopper.reasons() == on_this_page


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
