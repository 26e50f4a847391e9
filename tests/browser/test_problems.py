"""What is wrong with an answer is said where it is wrong, to everyone, and in the shop's words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Locator, expect

from tests.browser.support.shopper import DESKTOP, Shop, Shopper
from tests.browser.test_accessibility import luminance, preview
from tests.support.stack import ROOT

EMAIL = {"type": "email_capture", "consent_text": "Write to me about plants."}
INVALID = "Please enter a valid e-mail address."
UNTICKED = "Please tick this box to continue."
FAILED = "That did not get through. Please try again."

ENGLISH = dict(
    re.findall(r'^  (\w+): "(.*)",$', (ROOT / "storefront/script/dialog/words.js").read_text(), re.MULTILINE)
)
OWN = {name: f"Wort:{name}" for name in ENGLISH}
SHOWN = (
    """dialog => [dialog.innerText, ...[...dialog.querySelectorAll("[aria-label]")].map(one => one.ariaLabel)].join()"""
)


def press(shopper: Shopper) -> None:
    shopper.dialog.get_by_role("button", name="Yes, please").click()


def described(field: Locator) -> tuple[str | None, str]:
    """Whether it is said to be wrong, and what is said of it."""
    text = "field => field.getRootNode().getElementById(field.getAttribute('aria-describedby')).textContent"
    return field.get_attribute("aria-invalid"), field.evaluate(text)


def test_a_problem_is_at_its_field_until_something_is_typed(shopper: Shopper) -> None:
    shopper.visit()
    preview(shopper, {})
    email, consent = shopper.dialog.get_by_label("E-mail"), shopper.dialog.get_by_role("checkbox")
    press(shopper)
    assert described(email) == ("true", INVALID)
    assert described(consent) == ("true", UNTICKED)
    assert email.evaluate("field => field.matches(':focus')")
    email.press_sequentially("ada@example.com")
    assert described(email) == ("false", "")
    press(shopper)
    assert consent.evaluate("field => field.matches(':focus')")
    consent.check()
    assert described(consent) == ("false", "")
    press(shopper)
    assert shopper.is_shown("Thank you!")


def test_what_the_server_refuses_is_at_the_field_too(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer={"type": "email_capture"})
    shopper.visit()
    shopper.leave()
    shopper.leave_email("ada@example")
    shopper.dialog.get_by_role("alert").filter(has_text=INVALID).wait_for()
    assert described(shopper.dialog.get_by_label("E-mail")) == ("true", INVALID)
    expect(shopper.dialog.get_by_label("E-mail")).to_have_value("ada@example")


def test_what_is_no_fields_fault_is_at_no_field(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(offer={"type": "email_capture"})
    shopper.visit()
    shopper.leave()
    conversions = shopper.address_of("track_conversion")
    shopper.context.route(conversions, lambda route: route.fulfill(status=403, json={"code": "origin_not_allowed"}))
    shopper.leave_email()
    shopper.dialog.get_by_role("alert").filter(has_text=FAILED).wait_for()
    assert shopper.dialog.get_by_label("E-mail").get_attribute("aria-invalid") != "true"


CARDS = [
    ("#ffffff", "#1e293b"),
    ("#000000", "#ffffff"),
    ("#10261c", "#f0fdf4"),
    ("#fde047", "#111111"),
    ("#7c3aed", "#ffffff"),
]


def test_a_problem_can_be_read_on_every_card_and_is_more_than_a_colour(
    shop: Shop, new_context: Callable[..., BrowserContext]
) -> None:
    shopper = Shopper(new_context(**DESKTOP, reduced_motion="reduce"), shop)
    shopper.visit()
    for background, text in CARDS:
        preview(shopper, {"background_color": background, "text_color": text})
        press(shopper)
        problem = shopper.dialog.get_by_role("alert").filter(has_text=INVALID)
        colours = """problem => [problem, problem.closest("dialog")].map((element, i) =>
            getComputedStyle(element)[i ? "backgroundColor" : "color"].match(/\\d+/g).slice(0, 3).map(Number))"""
        one, other = map(luminance, problem.evaluate(colours))
        assert (max(one, other) + 0.05) / (min(one, other) + 0.05) >= 4.5, background
        assert "!" in problem.evaluate("problem => getComputedStyle(problem, '::before').content")
        edge = "field => getComputedStyle(field).borderTopColor"
        assert shopper.dialog.get_by_label("E-mail").evaluate(edge) == problem.evaluate(
            "problem => getComputedStyle(problem).color"
        ), background


def test_a_shop_with_words_of_its_own_shows_none_of_ours(shop: Shop, shopper: Shopper) -> None:
    """Nor the server's, which are English."""
    code_id = shop.add_discount_code("FERN10")
    shop.database("UPDATE discount_codes SET expires_at = '2190-01-01' WHERE id = :id", id=code_id)
    shop.add_popup(offer={**EMAIL, "discount_code_id": code_id})
    shopper.visit(attributes=f"data-words='{json.dumps(OWN)}'", body="<a href='/cart'>Cart</a>")
    shopper.leave()
    shown: Callable[[], str] = lambda: str(shopper.dialog.evaluate(SHOWN))  # noqa: E731
    texts = [shown()]
    press(shopper)
    texts.append(shown())
    shopper.dialog.get_by_role("checkbox").check()
    email = shopper.dialog.get_by_label(OWN["email"])
    email.fill("ada@example")
    press(shopper)
    shopper.dialog.get_by_role("alert").filter(has_text=OWN["invalid"]).wait_for()
    texts.append(shown())
    email.fill("ada@example.com")
    press(shopper)
    assert shopper.is_shown(OWN["thanks"])
    texts.append(shown())
    ours = set(ENGLISH.values()) - {"Copied"}
    assert [text for text in ours if text in "\n".join(texts)] == []
    left = {name for name in OWN if OWN[name] not in "\n".join(texts)}
    assert left <= {"submit", "sending", "failed", "copied", "again"}  # those of other moments
