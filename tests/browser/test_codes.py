"""The code that a shopper has got: until when it works, where it is used, and how it comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.support.shopper import ORIGIN, Shop, Shopper

CORS = {"Access-Control-Allow-Origin": "*"}
DAYS = [
    ("en", "December 31, 2189"),
    ("de", "31. Dezember 2189"),
    ("de_AT", "31. Dezember 2189"),
    ("ja", "2189年12月31日"),
    ("no such language", "December 31, 2189"),
    ("", "December 31, 2189"),
]


def get_code(shopper: Shopper) -> None:
    shopper.leave()
    shopper.dialog.get_by_role("button", name="Yes, please").click()
    assert shopper.is_shown("Thank you!")


def copied(shopper: Shopper) -> str:
    """Return the text in the clipboard, or an error's text while a new page may not read it yet."""
    shopper.page.bring_to_front()
    return str(shopper.page.evaluate("navigator.clipboard.readText().catch(String)"))


@pytest.fixture
def code_id(shop: Shop) -> str:
    id_ = shop.add_discount_code("FERN10")
    shop.add_popup(offer={"type": "discount", "discount_code_id": id_})
    return id_


@pytest.mark.parametrize(("language", "day"), DAYS)
def test_the_last_day_is_told_in_the_pages_language(
    shop: Shop, shopper: Shopper, code_id: str, language: str, day: str
) -> None:
    """It works until the day ends in the shop, wherever the shopper is; not on the one on which it has ended."""
    shop.database("UPDATE shops SET time_zone = 'Pacific/Kiritimati' WHERE id = :id", id=shop.id)
    ends = "2190-01-01T00:00:00+14:00"
    shop.database("UPDATE discount_codes SET expires_at = :ends WHERE id = :id", id=code_id, ends=ends)
    shopper.visit(body=f"<script>document.documentElement.lang = '{language}'</script>")
    get_code(shopper)
    expect(shopper.dialog.get_by_text(f"Valid until {day}", exact=True)).to_be_visible()


def test_a_server_that_does_not_say_the_day_is_understood(shopper: Shopper, code_id: str) -> None:
    discount = {"code": "FERN10", "type": "percentage", "value": "10.00", "expires_at": "2190-01-01T00:00:00.000Z"}
    answer = {"conversion_id": "1", "discount_code": discount}
    conversions = shopper.address_of("track_conversion")
    shopper.context.route(conversions, lambda route: route.fulfill(status=201, json=answer, headers=CORS))
    shopper.visit()
    get_code(shopper)
    expect(shopper.dialog.get_by_text("Valid until December 31, 2189", exact=True)).to_be_visible()


LINKS = [
    (["/cart"], "/cart"),
    (["/products/cart-trolley", "/de/warenkorb/?from=here"], "/de/warenkorb/?from=here"),
    (["https://elsewhere.example/cart"], None),
    ([], None),
]


@pytest.mark.parametrize(("links", "path"), LINKS)
def test_the_thank_you_leads_to_the_cart_that_the_page_links_to(
    shopper: Shopper, code_id: str, links: list[str], path: str | None
) -> None:
    shopper.visit(body="".join(f'<a href="{link}">A link</a>' for link in links))
    get_code(shopper)
    cart = shopper.dialog.get_by_role("link", name="Go to cart")
    if path is None:
        expect(cart).to_have_count(0)
        return
    shopper.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cart.click()
    shopper.page.wait_for_url(ORIGIN + path)
    assert shopper.eventually(lambda: copied(shopper) == "FERN10")


@pytest.mark.parametrize("said", ["/basket.php", "https://checkout.example/cart", "javascript:alert(1)", ""])
def test_a_shop_says_itself_where_its_cart_is_or_that_it_has_none(shopper: Shopper, code_id: str, said: str) -> None:
    shopper.visit(attributes=f'data-cart="{said}"', body='<a href="/cart">Cart</a>')
    get_code(shopper)
    cart = shopper.dialog.get_by_role("link", name="Go to cart")
    if said and not said.startswith("javascript"):
        expect(cart).to_have_attribute("href", said)
    else:
        expect(cart).to_have_count(0)


def tab(shopper: Shopper) -> Locator:
    return shopper.page.get_by_role("complementary").get_by_role("button", name="FERN10")


@pytest.mark.parametrize("way", ["Escape", "Close", "Continue shopping"])
def test_a_code_that_was_closed_comes_back_by_a_tab(shopper: Shopper, code_id: str, way: str) -> None:
    shopper.visit()
    get_code(shopper)
    expect(tab(shopper)).to_have_count(0)
    shopper.close(way)
    for _ in range(2):
        tab(shopper).click()
        assert shopper.is_shown("Thank you!")
        expect(shopper.dialog.get_by_text("FERN10")).to_be_visible()
        shopper.close()
    shopper.see()
    assert len(shopper.views()) == 1
    assert len(shopper.conversions()) == 1


def test_the_tab_is_on_the_pages_of_this_visit_that_may_show_the_popup(shop: Shop, shopper: Shopper) -> None:
    code_id = shop.add_discount_code("FERN10")
    offer = {"type": "discount", "discount_code_id": code_id}
    shop.add_popup(offer=offer, targeting={"exclude_pages": ["/quiet*"]})
    shopper.visit()
    get_code(shopper)
    shopper.close()
    for path, count in (("/products", 1), ("/quiet", 0), ("/checkout", 0), ("/cart", 1)):
        shopper.visit(path)
        expect(tab(shopper), path).to_have_count(count)
    for path, count in (("/quiet", 0), ("/cart", 1)):
        shopper.page.evaluate("path => history.pushState({}, '', path)", path)
        shopper.wait(1)
        expect(tab(shopper), path).to_have_count(count)
    shopper.wait(31 * 60)
    shopper.visit("/cart")
    expect(tab(shopper)).to_have_count(0)


def test_the_tab_goes_once_the_order_is_made(shopper: Shopper, code_id: str) -> None:
    shopper.visit()
    get_code(shopper)
    shopper.close()
    shopper.open("/thank-you")
    shopper.page.evaluate("exitIntent.purchase({order_id: 1, revenue: '10.00', currency: 'EUR'})")
    shopper.visit()
    expect(tab(shopper)).to_have_count(0)


def test_a_tab_that_was_closed_stays_away(shopper: Shopper, code_id: str) -> None:
    shopper.visit()
    get_code(shopper)
    shopper.close()
    shopper.page.get_by_role("complementary").get_by_role("button", name="Close").click()
    expect(tab(shopper)).to_have_count(0)
    shopper.visit()
    expect(tab(shopper)).to_have_count(0)


def test_without_a_code_there_is_no_tab(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer={"type": "email_capture"})
    shopper.visit()
    shopper.leave()
    shopper.leave_email()
    assert shopper.is_shown("Thank you!")
    shopper.close()
    expect(shopper.page.get_by_role("complementary")).to_have_count(0)
