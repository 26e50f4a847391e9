"""window.exitIntent: what the pages of a shop may call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.support.shopper import SETTLED, Shop, Shopper, wait_until

ORDER = {"order_id": "1001", "revenue": "49.90", "currency": "EUR"}


def meet(shopper: Shopper, heading: str = "Before you go") -> None:
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown(heading)
    shopper.see()


def buy(shopper: Shopper, order: dict[str, Any]) -> None:
    shopper.open("/thank-you")
    shopper.page.evaluate("order => exitIntent.purchase(order)", order)
    shopper.look()


def test_a_purchase_is_attributed_to_the_popup_seen_before(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    meet(shopper)
    buy(shopper, ORDER)
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions_by_type"]["purchase"] == 1)
    assert shop.stats(popup_id)["revenue_by_currency"] == {"EUR": "49.90"}


def test_reloading_the_thank_you_page_counts_nothing_twice(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    code_id = shop.add_discount_code("FERN10")
    meet(shopper)
    for _ in range(2):
        buy(shopper, {**ORDER, "discount_code": "FERN10"})
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions"] == 2)
    by_type = shop.stats(popup_id)["conversions_by_type"]
    assert (by_type["purchase"], by_type["discount_code_used"]) == (1, 1)
    assert shop.database.value("SELECT uses FROM discount_code_tallies WHERE discount_code_id = :id", id=code_id) == 1


def test_a_purchase_of_who_saw_no_popup_is_nobodys(shop: Shop, shopper: Shopper) -> None:
    """Not even when one is seen on the thank-you page, and that page is loaded again."""
    shop.add_popup()
    buy(shopper, ORDER)
    shopper.wait(SETTLED)
    shopper.leave()
    assert shopper.is_shown()
    shopper.see()
    buy(shopper, ORDER)
    assert shopper.conversions() == []


@pytest.mark.parametrize(
    ("said", "revenue"),
    [
        ({"revenue": 1.1 * 3}, "3.30"),
        ({"currency": "eur"}, "49.90"),
        ({"discount_code": ""}, "49.90"),
    ],
    ids=["a float", "a currency in lower case", "no code"],
)
def test_a_purchase_is_counted_as_shops_write_it(
    shop: Shop, shopper: Shopper, said: dict[str, Any], revenue: str
) -> None:
    popup_id = shop.add_popup()
    meet(shopper)
    buy(shopper, {**ORDER, **said})
    assert shopper.eventually(lambda: shop.stats(popup_id)["revenue_by_currency"] == {"EUR": revenue})


def test_a_purchase_goes_to_the_popup_whose_code_was_used(shop: Shop, shopper: Shopper) -> None:
    code_id = shop.add_discount_code("FERN10")
    giver = shop.add_popup(
        priority=9, design={"heading": "Code"}, offer={"type": "discount", "discount_code_id": code_id}
    )
    shop.add_popup(design={"heading": "Later"})
    meet(shopper, "Code")
    shopper.page.get_by_role("button", name="Yes, please").click()
    shopper.dialog.get_by_text("FERN10").wait_for()
    shopper.close()
    meet(shopper, "Later")
    buy(shopper, {**ORDER, "discount_code": "fern10"})
    purchases = [event for event in shopper.conversions() if event["type"] == "purchase"]
    assert [event["popup_id"] for event in purchases] == [giver]


def test_a_purchase_of_the_holdout_is_attributed_to_the_holdout(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(holdout_percent=100)
    shopper.visit()
    shopper.leave()
    shopper.see()
    buy(shopper, ORDER)
    assert [event["variant_id"] for event in shopper.conversions()] == ["holdout"]


def test_calls_made_before_the_script_arrived_are_kept(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    meet(shopper)
    call = f"(window.exitIntent = window.exitIntent || []).push(['purchase', {json.dumps(ORDER)}])"
    shopper.open("/thank-you", head=f"<script>{call}</script>")
    shopper.look()
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions_by_type"]["purchase"] == 1)


def test_calls_that_make_no_sense_stop_nothing(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    calls = ("['no_such_call']", "'cart'", "['purchase']", "null")
    shopper.visit(head=f"<script>exitIntent = [{', '.join(calls)}]</script>")
    shopper.leave()
    assert shopper.is_shown()


def test_calls_made_before_the_window_has_loaded_work(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.context.route("**/slow.png", lambda route: None)
    page = shopper.page
    shopper.answer_pages(body="<img src=/slow.png>")
    page.goto("http://shop.localhost/", wait_until="commit")
    wait_until(page, "!!window.exitIntent && !!exitIntent.explain")
    assert page.evaluate("exitIntent.cart({value: '5', items: 1}), exitIntent.explain()") == []


def test_preview_shows_without_counting(shop: Shop, shopper: Shopper) -> None:
    page = shopper.visit()
    draft = {
        "id": "draft",
        "design": {"heading": "Before you go", "button_text": "Yes, please"},
        "offer": {"type": "email_capture", "discount_code_id": "some"},
    }
    page.evaluate("draft => exitIntent.preview(draft)", draft)
    assert shopper.is_shown()
    shopper.leave_email()
    expect(shopper.dialog.get_by_text("PREVIEW")).to_be_visible()
    shopper.look()
    shopper.close()
    assert shopper.sent == []
    assert shopper.notes()[f"store-notes:{shop.id}"]["seen"] == {}


def test_preview_replaces_a_preview(shopper: Shopper) -> None:
    page = shopper.visit()
    for heading in ("One", "Two"):
        page.evaluate("heading => exitIntent.preview({design: {heading}})", heading)
    assert shopper.is_shown("Two")
    expect(shopper.dialog).to_have_count(1)


def test_preview_takes_the_id_of_a_popup_too(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(targeting={"include_pages": ["/nowhere"]})
    page = shopper.visit()
    page.evaluate("id => exitIntent.preview(id)", popup_id)
    assert shopper.is_shown()


def test_explain_says_why_there_are_no_popups(shop: Shop, shopper: Shopper) -> None:
    messages: list[str] = []
    shopper.page.on("console", lambda message: messages.append(message.text))
    shop.id = "no-such-shop"
    page = shopper.visit()
    assert page.evaluate("exitIntent.explain()") == []
    assert "No popups: answered 404" in messages


def test_a_second_tag_changes_nothing(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.visit(body=f'<script src="/exit_intent.js" {shop.tag}></script>')
    shopper.leave()
    assert shopper.is_shown()
    expect(shopper.dialog).to_have_count(1)


def test_words_can_be_replaced(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.visit(attributes="""data-words='{"decline": "Nein, danke", "close": "Schließen"}'""")
    shopper.leave()
    shopper.dialog.get_by_role("button", name="Nein, danke").wait_for()
    shopper.close("Schließen")


def test_a_call_without_sense_does_not_throw(shopper: Shopper) -> None:
    page = shopper.open()
    for call in ("push(['nope'])", "push(null)", "push()", "purchase()", "cart()"):
        thrown = f"(() => {{ try {{ exitIntent.{call} }} catch (error) {{ return String(error) }} }})()"
        assert page.evaluate(thrown) is None, call


def test_a_queued_call_that_fails_is_told_to_who_debugs_and_stops_nothing(shop: Shop, shopper: Shopper) -> None:
    messages: list[str] = []
    shopper.page.on("console", lambda message: messages.append(f"{message.type} {message.text}"))
    shop.add_popup(targeting={"min_cart_items": 2})
    queue = '<script>window.exitIntent = [["cart", null], ["cart", {value: 1, items: 2}]]</script>'
    shopper.visit(head=queue)
    shopper.leave()
    assert shopper.is_shown()
    assert any(message.startswith("debug TypeError") for message in messages)


def test_a_tag_without_a_shop_says_so_once_and_does_nothing(shopper: Shopper) -> None:
    warnings: list[str] = []
    shopper.page.on("console", lambda message: warnings.append(message.text))
    tag = '<script src="/exit_intent.js"></script>'
    shopper.context.route("**/bare", lambda route: route.fulfill(body=tag, content_type="text/html"))
    shopper.page.goto("http://shop.localhost/bare")
    assert warnings == ["No popups: no data-shop"]
    assert shopper.page.evaluate("window.exitIntent") is None


def test_a_purchase_starts_the_conversion_clock(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(frequency={"days_after_close": 0, "max_per_session": 9})
    meet(shopper)
    buy(shopper, ORDER)
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions"] == 1)
    shopper.open()
    assert shopper.reason() == "frequency.days_after_conversion"


@pytest.mark.parametrize(("days", "purchases"), [(29, 1), (31, 0)])
def test_a_view_explains_the_purchases_of_thirty_days(shop: Shop, shopper: Shopper, days: int, purchases: int) -> None:
    shop.add_popup()
    meet(shopper)
    shopper.page.clock.fast_forward(days * 24 * 60 * 60 * 1000)
    buy(shopper, ORDER)
    assert len(shopper.conversions()) == purchases
