"""Amounts as shops' pages have them: whatever Intl prints is read, and what nobody can read costs no order."""

# ruff: noqa: RUF001 (these are the digits and signs that are meant)

from __future__ import annotations

import json
from functools import partial
from typing import Any

from tests.browser.support.built import AMOUNTS
from tests.browser.support.shopper import Shop, Shopper, wait_until
from tests.browser.test_shop_calls import ORDER, buy, meet
from tests.support.stack import eventually

PRINTED = {
    "German": "1.234,50 €",
    "English": "€1,234.50",
    "Swiss": "CHF 1’234.50",
    "Polish": "1 234,50 zł",
    "Arabic": "١٬٢٣٤٫٥٠",
}


def revenues(shop: Shop) -> dict[str, Any]:
    """Of the orders that the server has, by the shop's name of them."""
    rows = shop.database("SELECT order_id, revenue FROM orders WHERE shop_id = :id", id=shop.id)
    return {row["order_id"]: None if row["revenue"] is None else str(row["revenue"]) for row in rows}


def test_an_orders_revenue_is_read_as_it_is_printed(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(targeting={"exclude_pages": ["/thank-you"]})
    meet(shopper)
    for language, revenue in PRINTED.items():
        buy(shopper, {**ORDER, "order_id": language, "revenue": revenue})
    assert shopper.eventually(lambda: len(revenues(shop)) == len(PRINTED))
    assert revenues(shop) == dict.fromkeys(PRINTED, "1234.50")
    assert shopper.eventually(lambda: shop.stats(popup_id)["revenue_by_currency"] == {"EUR": "6172.50"})


def test_an_order_in_the_shops_currency_need_not_name_it(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    shop.database("UPDATE shops SET currency = 'CHF' WHERE id = :id", id=shop.id)
    meet(shopper)
    call = json.dumps(["purchase", {"order_id": "1001", "revenue": "1’234.50"}])
    shopper.open("/thank-you", head=f"<script>exitIntent = [{call}]</script>")
    shopper.see()
    assert shopper.eventually(lambda: shop.stats(popup_id)["revenue_by_currency"] == {"CHF": "1234.50"})


UNREADABLE: dict[str, dict[str, Any]] = {
    "words": {"revenue": "a lot"},
    "two amounts": {"revenue": "12,50 / 3"},
    "below zero": {"revenue": "-5"},
    "no currency's code": {"currency": "Euro"},
    "a code of no currency": {"currency": "QQQ"},
    "nothing": {"revenue": None},
}


def test_an_order_whose_money_cannot_be_read_counts_without_it(shop: Shop, shopper: Shopper) -> None:
    """And the browser's console says so, unless there was nothing to read."""
    warnings: list[str] = []
    shopper.page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    popup_id = shop.add_popup(targeting={"exclude_pages": ["/thank-you"]})
    meet(shopper)
    for case, said in UNREADABLE.items():
        warnings.clear()
        buy(shopper, {**ORDER, "order_id": case, **said})
        assert bool(warnings) == (case != "nothing"), case
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions_by_type"]["purchase"] == len(UNREADABLE))
    assert revenues(shop) == dict.fromkeys(UNREADABLE)
    assert shop.stats(popup_id)["revenue_by_currency"] == {}


def test_an_order_counts_although_the_page_goes_away_while_its_amount_is_read(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(frequency={"max_per_session": 9}, targeting={"exclude_pages": ["/thank-you"]})
    meet(shopper)
    shopper.open("/thank-you")
    shopper.context.route("**/" + AMOUNTS.name, lambda route: None)
    shopper.page.evaluate("exitIntent.purchase({order_id: '1', revenue: '1.234,50 €', currency: 'EUR'}), null")
    shopper.page.goto("about:blank")
    assert eventually(lambda: shop.stats(popup_id)["conversions_by_type"]["purchase"] == 1)


def test_an_order_counts_where_no_other_file_of_the_script_comes(shop: Shop, shopper: Shopper) -> None:
    """Its amount too, if it is a plain one; the console says of any other that it could not be read."""
    warnings: list[str] = []
    shopper.page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    popup_id = shop.add_popup()
    meet(shopper)
    shopper.context.route("**/storefront-*", lambda route: route.abort())
    buy(shopper, {**ORDER, "revenue": "1.234,50 €"})
    buy(shopper, {**ORDER, "order_id": "1002"})
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions_by_type"]["purchase"] == 2)
    assert shop.stats(popup_id)["revenue_by_currency"] == {"EUR": "49.90"}
    assert any("Not an amount" in warning for warning in warnings)


CARTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "what Intl prints": ({"value": "1,234.50"}, None),
    "in another language": ({"value": "1.234,50 €", "currency": "eur"}, None),
    "too little": ({"value": "12,34 €"}, "targeting.min_cart_value"),
    "another currency": ({"value": "9999", "currency": "JPY"}, "targeting.min_cart_value"),
    "what nobody can read": ({"value": "plenty"}, "targeting.min_cart_value"),
}


def told(warnings: list[str], *, is_told: bool) -> bool:
    return bool(warnings) == is_told


def test_a_cart_is_compared_in_the_shops_currency_only(shop: Shop, shopper: Shopper) -> None:
    """Each is the first of its session."""
    warnings: list[str] = []
    shopper.page.on("console", lambda message: warnings.append(message.text) if message.type == "warning" else None)
    shop.database("UPDATE shops SET currency = 'EUR' WHERE id = :id", id=shop.id)
    shop.add_popup(targeting={"min_cart_value": "1000"})
    for cart, reason in CARTS.values():
        page = shopper.visit()
        warnings.clear()
        page.evaluate("cart => (exitIntent.cart(cart), null)", cart)
        wait_until(page, "reason => exitIntent.explain()[0].reason === reason", reason)
        is_told = cart["value"] in ("9999", "plenty")
        assert shopper.eventually(partial(told, warnings, is_told=is_told)), cart
        shopper.begin_session()


def test_a_cart_that_cannot_be_read_is_neither_small_nor_large(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(targeting={"max_cart_value": "10"})
    page = shopper.visit()
    page.evaluate("exitIntent.cart({value: 'plenty'}), null")
    wait_until(page, "exitIntent.explain()[0].reason === 'targeting.max_cart_value'")


INTL = """cases => cases.filter(([locale, currency, amount]) => {
    const text = new Intl.NumberFormat(locale, {style: "currency", currency}).format(amount);
    return readMoney(text, currency).amount !== amount;
})"""
LOCALES = (
    "en", "en-IN", "de", "de-AT", "de-CH", "fr", "es", "pt", "it", "nl", "pl", "sv", "nb", "fi", "cs", "hu", "ro", "el",
    "tr", "ru", "he", "ar-EG", "fa", "bn", "my", "ja", "hi-u-nu-deva", "th-u-nu-thai",
)  # fmt: skip


AMOUNTS_BY_CURRENCY = {"EUR": (0, 5, 49.9, 1234.5, 1234567.89), "JPY": (5, 1234, 1234567), "KWD": (5.125, 1234.5)}
PRINTABLE = [
    (locale, currency, amount)
    for locale in LOCALES
    for currency, amounts in AMOUNTS_BY_CURRENCY.items()
    for amount in amounts
    if (locale, currency) != ("tr", "KWD")  # ICU prints the amount twice
]


def test_whatever_intl_prints_is_read(shopper: Shopper) -> None:
    page = shopper.open()
    page.evaluate("async address => { window.readMoney = (await import(address)).readMoney }", f"/{AMOUNTS.name}")
    assert page.evaluate(INTL, PRINTABLE) == []
