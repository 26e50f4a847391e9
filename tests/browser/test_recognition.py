"""The visitor's id: who may know it, and how Shopify's orders bring it back. None of it without consent."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route

from tests.browser.support.shopper import ORIGIN, Shop, Shopper

SHOPIFY = "<script>Shopify = {routes: {root: '/de/'}}</script>"
PENDING = 'data-consent="pending"'
ASKS = "<script>(window.exitIntent = window.exitIntent || []).push(['visitor', id => { window.told = id; }])</script>"


class Cart:
    """Shopify's, of which what is written into its attributes is noted."""

    def __init__(self, shopper: Shopper, status: int = 200) -> None:
        self.visitors: list[str] = []
        self.status = status
        self.files: list[str] = []
        shopper.context.on("request", lambda request: self.files.append(request.url.rsplit("/", 1)[1]))
        shopper.context.route(f"{ORIGIN}/**/cart/update.js", self._answer)
        shopper.context.route(f"{ORIGIN}/cart/update.js", self._answer)

    def _answer(self, route: Route) -> None:
        self.visitors.append(json.loads(route.request.post_data or "")["attributes"]["_store_visitor"])
        route.fulfill(status=self.status, json={})

    @property
    def adapters(self) -> list[str]:
        return [name for name in self.files if name.startswith("storefront-shopify-")]


def visitor(shopper: Shopper) -> str | None:
    id_: str | None = shopper.page.evaluate("exitIntent.visitor()")
    return id_


def test_a_page_is_told_the_visitors_id(shopper: Shopper) -> None:
    shopper.visit(head=ASKS)
    assert (
        visitor(shopper)
        == shopper.page.evaluate("told")
        == shopper.notes()[f"store-notes:{shopper.shop.id}"]["visitor"]
    )


def test_without_consent_nobody_is_told_and_with_it_whoever_asked(shopper: Shopper) -> None:
    page = shopper.visit(head=ASKS, attributes=PENDING)
    assert visitor(shopper) is None
    assert page.evaluate("window.told") is None
    page.evaluate("exitIntent.consent(true)")
    assert visitor(shopper)
    assert page.evaluate("told") == visitor(shopper)


@pytest.mark.parametrize("call", ["['visitor', () => { throw new Error('theirs'); }]", "['visitor']", "['visitor', 7]"])
def test_a_call_that_fails_stops_nothing(shop: Shop, shopper: Shopper, call: str) -> None:
    shop.add_popup()
    shopper.visit(head=f"<script>exitIntent = [{call}]</script>")
    shopper.leave()
    assert shopper.is_shown()


@pytest.mark.parametrize(
    ("head", "path"), [(SHOPIFY, "/de/cart/update.js"), ("<script>Shopify = {}</script>", "/cart/update.js")]
)
def test_on_shopify_the_cart_knows_the_visitor_once_a_session(shopper: Shopper, head: str, path: str) -> None:
    cart = Cart(shopper)
    asked: list[str] = []
    shopper.context.on("request", lambda request: asked.append(request.url))
    for page in ("/", "/products", "/cart"):
        shopper.visit(page, head=head)
        assert shopper.eventually(lambda: cart.visitors)
    assert cart.visitors == [visitor(shopper)]
    assert ORIGIN + path in asked


def test_other_pages_fetch_nothing_for_it(shopper: Shopper) -> None:
    cart = Cart(shopper)
    shopper.visit()
    shopper.visit("/cart", head="<script>Shopify = undefined</script>")
    shopper.wait(30)
    assert (cart.adapters, cart.visitors) == ([], [])


def test_without_consent_the_cart_knows_nobody(shopper: Shopper) -> None:
    cart = Cart(shopper)
    page = shopper.visit(head=SHOPIFY, attributes=PENDING)
    shopper.wait(30)
    assert (cart.adapters, cart.visitors) == ([], [])
    page.evaluate("exitIntent.consent(true)")
    assert shopper.eventually(lambda: cart.visitors)
    assert cart.visitors == [visitor(shopper)]


def test_a_cart_that_refuses_is_asked_again_on_the_next_page_and_disturbs_nothing(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    cart = Cart(shopper, status=422)
    errors: list[str] = []
    shopper.page.on("pageerror", lambda error: errors.append(str(error)))
    shopper.visit(head=SHOPIFY)
    assert shopper.eventually(lambda: len(cart.visitors) == 1)
    cart.status = 200
    shopper.visit("/cart", head=SHOPIFY)
    assert shopper.eventually(lambda: len(cart.visitors) == 2)
    shopper.leave()
    assert shopper.is_shown()
    assert errors == []
