"""Every field that a merchant may write by the API can be edited in the console; a new one fails here until it can."""

from __future__ import annotations

from collections.abc import Iterator

from marshmallow import Schema, fields
from playwright.sync_api import Page, expect

from functions.manage_popups.discount_codes.schemas import DiscountCodeSchema
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.shop import ShopSchema
from tests.browser.support.shopper import Shop
from tests.console.conftest import Merchant

# What is set by what one does, not in a field: publishing, switching off; and the builder names variants.
BY_DOING = {"status", "is_active", "variants.1.id"}
# What is shown of a trigger depends on its type.
OF_TRIGGERS = {"time_delay": "delay_seconds", "scroll_percentage": "scroll_percentage", "click": "selector"}


def paths(schema: Schema, prefix: str = "") -> Iterator[str]:
    """Yield the paths of the fields that can be written, as the API names them; of lists, those of item 1."""
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            index = "1." if isinstance(field, fields.List) else ""
            yield from paths(inner.schema, f"{prefix}{name}.{index}")
        else:
            yield f"{prefix}{name}"


def names(page: Page, form: str) -> set[str]:
    return set(page.eval_on_selector_all(f"{form} [name]", "all => all.map(each => each.name)"))


def unedited(schema: Schema, found: set[str]) -> set[str]:
    """Return the paths of the schema that no field edits, as a whole or by its parts."""
    return {path for path in paths(schema) if not any(f"{name}.".startswith(f"{path}.") for name in found)}


def test_the_builder_edits_every_field_of_a_popup(merchant: Merchant, shop: Shop) -> None:
    codes = [shop.add_discount_code("FERN10"), shop.add_discount_code("OTHER5")]
    popup_id = shop.add_popup(
        status="paused",
        offer={
            "type": "email_capture",
            "consent_text": "Write to me.",
            "discount_code_id": codes[0],
            "when_empty": "fallback",
            "fallback_discount_code_id": codes[1],
        },
        variants=[{"id": "a", "name": "As it is"}, {"id": "b", "name": "Another"}],
    )
    page = merchant.open(f"#/popups/{popup_id}")
    expect(page.locator(".section")).to_have_count(8)
    page.evaluate("document.querySelectorAll('.section').forEach((each) => (each.open = true))")
    found = names(page, ".sections")
    for trigger, field in OF_TRIGGERS.items():
        page.locator('[name="trigger.type"]').select_option(trigger)
        expect(page.locator(f'[name="trigger.{field}"]')).to_be_visible()
        found |= names(page, ".sections")
    page.locator("#section-offer").get_by_role("radio", name="Another", exact=True).check()
    expect(page.locator('[name="variants.1.offer.type"]')).to_be_visible()
    found |= names(page, ".sections")
    assert unedited(PopupSchema(), found) - BY_DOING == set()


def test_the_shops_page_edits_every_field_of_a_shop(merchant: Merchant) -> None:
    page = merchant.open("#/shop")
    expect(page.get_by_label("Currency")).to_be_visible()
    assert unedited(ShopSchema(), names(page, "main")) == set()


def test_every_field_of_a_discount_code_can_be_given(merchant: Merchant) -> None:
    page = merchant.open("#/codes")
    page.get_by_role("button", name="New code").click()
    expect(page.get_by_role("dialog").get_by_label("Code", exact=True)).to_be_visible()
    assert unedited(DiscountCodeSchema(), names(page, "dialog")) - BY_DOING == set()
