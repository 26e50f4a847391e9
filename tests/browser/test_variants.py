"""Experiments: who sees which variant, and who is held out. test_exposures.py has what is reported of them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.support.shopper import Shop, Shopper
from tests.support.stack import ROOT

VECTORS = json.loads((ROOT / "storefront" / "vectors.json").read_text())
SHOP_HOLDOUT = json.loads((ROOT / "tests" / "vectors" / "shop_holdout.json").read_text())
ARMS = [{"id": "a", "weight": 50}, {"id": "b", "weight": 30}, {"id": "c", "weight": 20}]
# The 99.99th percentile of chi-square with 3 degrees of freedom.
CHI_SQUARE_LIMIT = 21.1


def arm(id_: str, weight: int = 50, **changes: Any) -> dict[str, Any]:
    return {"id": id_, "weight": weight, **changes}


def test_the_script_agrees_with_the_shared_vectors(shop: Shop, shopper: Shopper) -> None:
    page = shopper.open()
    given = page.evaluate(
        """({popups, assignments}) => assignments.map(
            ({popup, visitor_id}) => exitIntent.variant(popups[popup], visitor_id))""",
        VECTORS,
    )
    assert given == [assignment["variant"] for assignment in VECTORS["assignments"]]


def test_the_script_agrees_about_who_is_held_out_from_a_shop(shop: Shop, shopper: Shopper) -> None:
    shops = sorted({(each["shop_id"], each["percent"]) for each in SHOP_HOLDOUT})
    answers = iter(
        [{"shop_id": shop_id, "popups": [], "shop": {"holdout_percent": percent}} for shop_id, percent in shops]
    )
    allowed = {"Access-Control-Allow-Origin": "*"}
    shopper.context.route(
        f"{shopper.address_of('get_active_popups')}*", lambda route: route.fulfill(json=next(answers), headers=allowed)
    )
    popup = {"id": "p", "variants": [arm("a")], "holdout_percent": 0}
    for shop.id, percent in shops:
        page = shopper.open()
        cases = [each for each in SHOP_HOLDOUT if (each["shop_id"], each["percent"]) == (shop.id, percent)]
        told = [page.evaluate("args => exitIntent.variant(...args)", [popup, each["visitor_id"]]) for each in cases]
        assert told == ["shop_holdout" if each["held_out"] else "a" for each in cases]


VISITORS = {
    "version 7 ids": "`0199a000-${(i >> 8).toString(16).padStart(4, 0)}-7000-8000-${i.toString(16).padStart(12, 0)}`",
    "version 4 ids": "crypto.randomUUID()",
    "counted ids": "`${i}`",
}


@pytest.mark.parametrize("visitors", VISITORS)
def test_weights_are_respected_among_100_000_visitors(shopper: Shopper, visitors: str) -> None:
    page = shopper.open()
    popup = {"id": str(uuid.UUID(int=42)), "variants": ARMS, "holdout_percent": 10}
    counts = page.evaluate(
        f"""popup => {{
            const counts = {{}};
            for (let i = 0; i < 100000; i++) {{
                const variant = exitIntent.variant(popup, {VISITORS[visitors]});
                counts[variant] = (counts[variant] || 0) + 1;
            }}
            return counts;
        }}""",
        popup,
    )
    expected = {"holdout": 10_000, "a": 45_000, "b": 27_000, "c": 18_000}
    assert counts.keys() == expected.keys()
    assert sum((counts[arm] - number) ** 2 / number for arm, number in expected.items()) < CHI_SQUARE_LIMIT


def test_raising_the_holdout_moves_nobody_between_variants(shopper: Shopper) -> None:
    page = shopper.open()
    moved = page.evaluate(
        """variants => {
            let moved = 0;
            for (let i = 0; i < 5000; i++) {
                const before = exitIntent.variant({id: "p", variants, holdout_percent: 5}, `v${i}`);
                const after = exitIntent.variant({id: "p", variants, holdout_percent: 50}, `v${i}`);
                if (before !== after && after !== "holdout") moved++;
            }
            return moved;
        }""",
        ARMS,
    )
    assert moved == 0


def test_a_variant_changes_only_the_fields_it_names(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(
        design={"heading": "Base", "subheading": "Common words"},
        variants=[arm("b", design={"heading": "Before you go"}, offer={"type": "email_capture"})],
    )
    shopper.visit()
    shopper.leave()
    assert shopper.is_shown("Before you go")
    expect(shopper.dialog.get_by_text("Common words")).to_be_visible()
    expect(shopper.dialog.get_by_label("E-mail")).to_be_visible()


def test_a_visitor_keeps_the_variant_and_events_carry_it(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(
        offer={"type": "email_capture"},
        variants=[arm("a"), arm("b")],
        frequency={"max_per_session": 9, "days_after_close": 0},
    )
    told = set()
    for path in ("/", "/second-page"):
        shopper.visit(path)
        shopper.leave()
        assert shopper.is_shown()
        shopper.see()
        told.add(shopper.page.evaluate("exitIntent.explain()[0].variant"))
        shopper.close()
    assert len(told) == 1
    assert {view["variant_id"] for view in shopper.views()} == told
    by_variant = shop.stats(popup_id)["by_variant"]
    assert [(row["variant_id"], row["views"]) for row in by_variant if row["views"]] == [(told.pop(), 2)]
