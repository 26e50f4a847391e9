"""What the script keeps and tells about a visitor, before, with and after consent."""

from __future__ import annotations

from typing import Any

from tests.browser.support.built import DIALOG
from tests.browser.support.shopper import ORIGIN, Shop, Shopper, wait_until

PENDING = 'data-consent="pending"'


def meet(shopper: Shopper, **page: Any) -> None:
    shopper.visit(**page)
    shopper.leave()
    assert shopper.is_shown()
    shopper.see()


def kept(shopper: Shopper, storage: str = "localStorage") -> int:
    return int(shopper.page.evaluate(f"{storage}.length"))


def test_pending_consent_outlives_nothing_and_sends_no_visitor(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    meet(shopper, attributes=PENDING)
    assert kept(shopper) == 0
    assert shopper.eventually(lambda: kept(shopper, "sessionStorage") == 1)
    (view,) = shopper.views()
    assert "visitor_id" not in view
    assert view["session_id"]
    assert shop.stats(popup_id)["unique_viewers"] == 1


def test_pending_consent_still_respects_a_closed_popup(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    meet(shopper, attributes=PENDING)
    shopper.close()
    shopper.open(attributes=PENDING)
    assert shopper.reason() == "frequency.days_after_close"


def test_consent_brings_a_visitor_id_and_keeps_what_happened(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(frequency={"days_after_close": 0, "max_per_session": 9})
    meet(shopper, attributes=PENDING)
    shopper.close()
    shopper.page.evaluate("exitIntent.consent(true)")
    assert kept(shopper, "sessionStorage") == 0
    meet(shopper, path="/second-page", attributes=PENDING)
    before, after = shopper.views()
    assert after["visitor_id"]
    assert after["session_id"] == before["session_id"]
    assert shop.stats(popup_id)["unique_viewers"] == 1


def test_consent_is_remembered_on_the_next_page(shop: Shop, shopper: Shopper) -> None:
    shopper.open(attributes=PENDING)
    shopper.page.evaluate("exitIntent.consent(true)")
    visitor = shopper.notes()[f"store-notes:{shop.id}"]["visitor"]
    shopper.open("/second-page", attributes=PENDING)
    assert shopper.notes()[f"store-notes:{shop.id}"]["visitor"] == visitor


def test_saying_yes_again_changes_nothing(shop: Shop, shopper: Shopper) -> None:
    shopper.open()
    before = shopper.notes()[f"store-notes:{shop.id}"]
    shopper.page.evaluate("exitIntent.consent(true)")
    after = shopper.notes()[f"store-notes:{shop.id}"]
    assert (after["visitor"], after["session"]["id"]) == (before["visitor"], before["session"]["id"])


def test_consent_keeps_the_variant(shop: Shop, shopper: Shopper) -> None:
    variants = [{"id": f"v{number}", "weight": 1} for number in range(10)]
    shop.add_popup(variants=variants)
    shopper.open(attributes=PENDING)
    assert shopper.reason() is None
    variant = "exitIntent.explain()[0].variant"
    before = shopper.page.evaluate(variant)
    shopper.page.evaluate("exitIntent.consent(true)")
    assert shopper.page.evaluate(variant) == before


def test_events_that_wait_move_along_with_consent(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.context.set_offline(False)
    shopper.visit(attributes=PENDING)
    shopper.context.set_offline(True)
    shopper.leave()
    shopper.see()
    assert kept(shopper, "sessionStorage") == 2
    shopper.page.evaluate("exitIntent.consent(true)")
    assert kept(shopper, "sessionStorage") == 0
    assert kept(shopper) == 2


def test_a_refusal_removes_everything_that_was_kept(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    shopper.visit()
    shopper.context.set_offline(True)
    shopper.leave()
    shopper.see()
    assert kept(shopper) == 2
    shopper.page.evaluate("exitIntent.consent(false)")
    shopper.context.set_offline(False)
    shopper.wait(10)
    assert kept(shopper) == 0
    (note,) = shopper.notes("sessionStorage").values()
    assert "visitor" not in note


def test_a_refusal_holds_on_the_next_page_and_for_the_popups_closed_before(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    meet(shopper)
    shopper.close()
    session = shopper.views()[0]["session_id"]
    shopper.page.evaluate("exitIntent.consent(false)")
    shopper.open("/second-page")
    assert kept(shopper) == 0
    assert shopper.reason() == "frequency.days_after_close"
    assert shopper.notes("sessionStorage")[f"store-notes:{shop.id}"]["session"]["id"] != session


def test_a_refusal_that_is_told_on_every_page_makes_no_new_visit(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    visits = set()
    for path in ("/", "/second", "/third"):
        shopper.open(path, attributes='data-consent="pending"')
        shopper.page.evaluate("exitIntent.consent(false)")
        visits.add(shopper.notes("sessionStorage")[f"store-notes:{shop.id}"]["session"]["id"])
    assert len(visits) == 1


def test_a_refusal_reaches_the_other_tabs(shop: Shop, shopper: Shopper) -> None:
    shopper.open()
    shopper.page.evaluate("addEventListener('storage', () => (window.heard = true))")  # after the script's own
    other_tab = shopper.context.new_page()
    other_tab.goto(f"{ORIGIN}/other")
    wait_until(other_tab, "!!window.exitIntent")
    other_tab.evaluate("exitIntent.consent(false)")
    wait_until(shopper.page, "window.heard")
    shopper.page.evaluate("exitIntent.cart({value: 1, items: 1})")
    assert kept(shopper) == 0


def test_other_keys_of_the_shop_are_left_alone(shop: Shop, shopper: Shopper) -> None:
    shopper.open()
    shopper.page.evaluate(f"localStorage['cart'] = 1; localStorage['store-notes:{shop.id}2'] = 2")
    shopper.page.evaluate("exitIntent.consent(false)")
    assert kept(shopper) == 2


def test_nobody_but_the_functions_is_called(shop: Shop, shopper: Shopper) -> None:
    called: set[str] = set()
    shopper.context.on("request", lambda request: called.add(request.url.split("?")[0]))
    shop.add_popup(offer={"type": "email_capture"})
    meet(shopper)
    shopper.leave_email()
    shopper.is_shown("Thank you!")
    ours = {shopper.address_of(name) for name in ("get_active_popups", "track_view", "track_conversion")}
    assert called == {f"{ORIGIN}/{name}" for name in ("", "exit_intent.js", DIALOG.name)} | ours
    assert shopper.context.cookies() == []


def test_a_refusal_keeps_count_of_what_this_visit_has_shown(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(frequency={"max_per_session": 1, "days_after_close": 0})
    meet(shopper)
    shopper.close()
    shopper.page.evaluate("exitIntent.consent(false)")
    shopper.open("/second-page")
    assert shopper.reason() == "frequency.max_per_session"


def test_consent_given_in_another_tab_keeps_what_happened_in_this_one(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    shopper.visit(attributes=PENDING)
    shopper.context.set_offline(True)
    shopper.leave()
    shopper.see()
    shopper.close()
    shopper.context.set_offline(False)
    first_tab = shopper.page
    shopper.page = shopper.context.new_page()
    shopper.open("/other", attributes=PENDING)
    shopper.page.evaluate("exitIntent.consent(true)")
    shopper.page = first_tab
    shopper.open("/second-page", attributes=PENDING)
    assert shopper.reason() == "frequency.days_after_close"
    assert kept(shopper, "sessionStorage") == 0
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)
