"""Names by which a merchant recognizes popups, variants, keys, codes and the shop: each shows something.

Those stored before that rule are still read, and hinder no other edit.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.shop.blanks import shows_nothing
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, make_discount_code, make_key, make_popup
from tests.support.stack import Database, FunctionProcess

UNSEEN = {
    "a blank": " ",
    "a tab and a line": "\t\n",
    "a no-break space": "\u00a0",
    "an ideographic space": "\u3000",
    "a zero-width space": "\u200b",
    "a byte order mark": "\ufeff",
    "a soft hyphen": "\u00ad",
    "directions": "\u202e\u2066",
    "a Hangul filler": "\u3164",
    "a Hangul initial filler": "\u115f",
    "a halfwidth filler": "\uffa0",
    "Braille's empty cell": "\u2800",
    "a variation selector": "\ufe0f",
    "a joiner of graphemes": "\u034f",
    "a control character": "\x01",
    "all together": " \u200b\u00ad\u2800\u3164 ",
}
SEEN = {
    "blanks around a letter": "  a ",
    "a heart, which is a symbol and a selector": "\u2764\ufe0f",
    "a family, held together by joiners": "\U0001f469\u200d\U0001f467",
    "Hindi with a joiner": "\u0915\u094d\u200d\u0937",
    "Hebrew with its direction": "\u200f\u05e9",
    "Hangul": "\u1100\u1161",
    "a dot": ".",
    "digits": "007",
}
# Verb, path, field, and the body that gives the field a name.
WRITES: dict[str, tuple[str, str, str, Any]] = {
    "a new popup": ("POST", "/popups", "name", lambda name: {"name": name}),
    "a popup": ("PATCH", "/popups/{popup}", "name", lambda name: {"name": name}),
    "a variant": (
        "PATCH",
        "/popups/{popup}",
        "variants.0.name",
        lambda name: {"variants": [{"id": "a", "name": name}]},
    ),
    "a consent": ("PATCH", "/popups/{popup}", "offer.consent_text", lambda name: {"offer": {"consent_text": name}}),
    "a key": ("POST", "/api-keys", "name", lambda name: {"name": name, "rights": "read"}),
    "the shop": ("PATCH", "/shop", "name", lambda name: {"name": name}),
}


@pytest.mark.parametrize("text", UNSEEN.values(), ids=UNSEEN)
def test_only_what_is_drawn_as_nothing_shows_nothing(text: str) -> None:
    assert shows_nothing(text)


@pytest.mark.parametrize("text", SEEN.values(), ids=SEEN)
def test_a_name_of_any_script_or_of_symbols_shows_something(text: str) -> None:
    assert not shows_nothing(text)


@pytest.mark.parametrize(("verb", "path", "field", "body"), WRITES.values(), ids=WRITES)
def test_a_name_that_shows_nothing_is_refused_by_field_and_any_other_is_kept_as_it_was_written(
    merchant: Client, database: Database, shop: Shop, verb: str, path: str, field: str, body: Any
) -> None:
    path = path.format(popup=make_popup(database, shop))
    for name in UNSEEN.values():
        assert_problem(merchant(verb, path, json=body(name)), 422, "invalid", field)
    for name in SEEN.values():
        answer = merchant(verb, path, json=body(name))
        assert answer.status_code in (200, 201), answer.text
        shown = answer.json()
        for step in field.split("."):
            shown = shown[int(step) if step.isdigit() else step]
        assert shown == name


def test_the_error_says_what_is_wrong(merchant: Client) -> None:
    errors = merchant.post("/popups", {"name": " "}).json()["errors"]
    assert errors == {"name": ["Must not consist of blanks and invisible characters only."]}


@pytest.mark.parametrize("body", [{"name": "", "rights": "read"}, {"rights": "read"}], ids=["empty", "missing"])
def test_a_key_need_not_have_a_name(merchant: Client, body: dict[str, Any]) -> None:
    answer = merchant.post("/api-keys", body)
    assert (answer.status_code, answer.json()["name"]) == (201, "")


@pytest.mark.parametrize("code", ["\u115f", "\u2800", "\ufe0f"])
def test_a_code_that_shows_nothing_is_refused_alone_and_in_a_pool(
    merchant: Client, database: Database, shop: Shop, code: str
) -> None:
    written = {"code": code, "type": "percentage", "value": "10"}
    assert_problem(merchant.post("/discount-codes", written), 422, "invalid", "code")
    pool = make_discount_code(database, shop, single_use=True)
    answer = merchant.post(f"/discount-codes/{pool}/codes", {"codes": ["A", code]})
    assert_problem(answer, 422, "invalid", "codes.1")


def test_names_stored_before_are_read_and_hinder_no_other_edit(
    merchant: Client, manage_popups: FunctionProcess, database: Database, shop: Shop
) -> None:
    variants = [{"id": "a", "name": " ", "weight": 50, "design": {}, "offer": {}}]
    offer = {"type": "newsletter", "discount_code_id": None, "consent_text": "\u200b"}
    path = f"/popups/{make_popup(database, shop)}"
    database("UPDATE shops SET name = ' ' WHERE id = :id", id=shop.id)
    database(
        "UPDATE popups SET name = ' ', variants = :variants, offer = :offer WHERE shop_id = :id",
        id=shop.id, variants=json.dumps(variants), offer=json.dumps(offer),
    )  # fmt: skip
    assert merchant.get(path).json()["name"] == " "
    assert [popup["name"] for popup in merchant.get("/popups").json()["popups"]] == [" "]
    weighed = [{**variants[0], "weight": 10}]
    for edit in ({"status": "paused"}, {"variants": weighed}, {"name": " ", "offer": {"type": "none"}}):
        answer = merchant.patch(path, edit)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["name"], answer.json()["variants"][0]["name"]) == (" ", " ")
    assert merchant.post(f"{path}/duplicate").json()["name"] == "  (copy)"
    assert merchant.patch("/shop", {"holdout_percent": 5}).json()["name"] == " "
    assert merchant.patch(path, {"name": "Seen"}).json()["name"] == "Seen"
    assert_problem(merchant.patch(path, {"name": " "}), 422, "invalid", "name")
    named = Client(manage_popups, make_key(database, shop.id, "write", name=" "))
    assert named.get("/key").json()["name"] == " "
