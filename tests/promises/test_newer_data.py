"""Old code and new data: what a newer release has stored is kept, edited around, served and reported.

So a function can be rolled back: this release stands for the older one, and the tables have what it does not know.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.manage_popups.popups.history import changed_fields
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.popups.store import NOT_KEPT
from tests.support.client import Client, assert_problem
from tests.support.factories import DOCUMENTS, Shop, insert, make_discount_code, make_popup, make_shop
from tests.support.stack import Database, FunctionProcess, Stack, create_database, open_database

# Fields of a newer release, and values that this one refuses.
NEWER: dict[str, Any] = {
    "status": "scheduled",
    "trigger": {"type": "idle", "delay_seconds": 9999, "scroll_percentage": 50, "selector": None, "idle_pages": 3},
    "design": {"layout": "bar_top", "width": 1400, "fine_print": "Terms apply", "teaser": {"text": "Psst", "size": 3}},
    "targeting": {"device_types": ["desktop", "tv"], "utm": {"source": "mail", "id": "7"}, "countries": ["CH"]},
    "frequency": {"max_per_session": 500, "max_for_ever": 9},
    "offer": {"type": "spin_wheel", "wheel_secret": "8 of 10 lose", "consent_text": "Yes."},
    "variants": [
        {"id": "a", "name": "", "weight": 1, "design": {"fine_print": "None"}, "offer": {"odds": 2}, "note": "loud"},
        {"id": "shop_holdout", "name": "", "weight": 2000, "design": {}, "offer": {}},
    ],
}


@pytest.fixture(scope="module")
def newer(stack: Stack) -> Iterator[Database]:
    """Yield a database in which a newer release has opened the closed sets and added columns."""
    with open_database(create_database(stack.postgres, "newer")) as opened:
        checks = opened(
            "SELECT conname, conrelid::regclass::text AS of FROM pg_constraint"
            " WHERE conname LIKE '%\\_known' AND coninhcount = 0"
        )
        for check in checks:
            opened(f"ALTER TABLE {check['of']} DROP CONSTRAINT {check['conname']}")
        opened("ALTER TABLE popups ADD COLUMN translations jsonb NOT NULL DEFAULT '{}'")
        opened("ALTER TABLE discount_codes ADD COLUMN region text")
        opened("ALTER TABLE shops ADD COLUMN privacy_url text")
        yield opened


@pytest.fixture(scope="module")
def functions(stack: Stack, newer: Database) -> Iterator[dict[str, FunctionProcess]]:
    names = ("manage_popups", "stats", "get_active_popups")
    started = {name: stack.start_function(name, DATABASE_URL=newer.url) for name in names}
    yield started
    for function in started.values():
        function.stop()


@pytest.fixture
def shop(newer: Database) -> Shop:
    return make_shop(newer)


@pytest.fixture
def merchant(functions: dict[str, FunctionProcess], shop: Shop) -> Client:
    return Client(functions["manage_popups"], shop.write_key)


@pytest.fixture
def popup(newer: Database, shop: Shop, merchant: Client) -> dict[str, Any]:
    """Return a popup of the newer release as this one shows it."""
    popup_id = make_popup(newer, shop)
    whole = json.loads(json.dumps(PopupSchema().load({"name": "A popup"}), default=str))
    fields = {name: {**whole[name], **value} if isinstance(value, dict) else value for name, value in NEWER.items()}
    for name, value in fields.items():
        newer(
            f"UPDATE popups SET {name} = :value WHERE id = :id",
            value=json.dumps(value) if name in DOCUMENTS else value,
            id=popup_id,
        )
    translations = {"de": {"heading": "Halt"}}
    newer("UPDATE popups SET translations = :value WHERE id = :id", value=json.dumps(translations), id=popup_id)
    key = newer.value("SELECT id FROM api_keys WHERE shop_id = :id LIMIT 1", id=shop.id)
    document = json.dumps({**whole, **fields, "translations": translations})
    row = {"shop_id": shop.id, "popup_id": popup_id, "version": 1, "action": "scheduled", "api_key_id": key}
    insert(newer, "popup_versions", **row, popup=document)
    read = merchant.get(f"/popups/{popup_id}")
    assert read.status_code == 200, read.text
    shown: dict[str, Any] = read.json()
    assert {name: shown[name] for name in fields} == fields
    return shown


def written(popup: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a popup that a merchant may write."""
    return {name: popup[name] for name in PopupSchema().fields}


def history(merchant: Client, popup: dict[str, Any]) -> list[dict[str, Any]]:
    versions: list[dict[str, Any]] = merchant.get(f"/popups/{popup['id']}/history").json()["versions"]
    return versions


# Edits


EDITS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({}, []),
    "a pause": ({"status": "paused"}, ["status"]),
    "its name": ({"name": "Renamed"}, ["name"]),
    "its schedule": ({"starts_at": "2030-01-01T00:00:00.000Z"}, ["starts_at"]),
    "a known field beside unknown ones": ({"design": {"heading": "Hi"}}, ["design.heading"]),
    "a refused value into an accepted one": ({"design": {"width": 600}}, ["design.width"]),
    "an item beside a refused one": ({"targeting": {"device_types": ["tv", "mobile"]}}, ["targeting.device_types"]),
    "an entry beside a refused one": ({"targeting": {"utm": {"medium": "x"}}}, ["targeting.utm.medium"]),
    "what it has": ({"design": {"fine_print": "Terms apply"}, "trigger": {"type": "idle"}}, []),
}


@pytest.mark.parametrize(("patch", "changed"), EDITS.values(), ids=EDITS)
def test_an_edit_changes_what_it_names_and_keeps_what_this_release_does_not_know(
    merchant: Client, popup: dict[str, Any], patch: dict[str, Any], changed: list[str]
) -> None:
    edited = merchant.patch(f"/popups/{popup['id']}", patch)
    assert edited.status_code == 200, edited.text
    expected = written(popup)
    for name, value in patch.items():
        expected[name] = {**expected[name], **value} if isinstance(value, dict) else value
    if utm := patch.get("targeting", {}).get("utm"):
        expected["targeting"]["utm"] = {**popup["targeting"]["utm"], **utm}
    assert written(edited.json()) == expected
    newest = history(merchant, popup)[0]
    assert newest["changed_fields"] == changed
    kept = {name: value for name, value in expected.items() if name not in NOT_KEPT}
    assert newest["popup"] == {**kept, "translations": {"de": {"heading": "Halt"}}}


def test_a_variant_keeps_what_this_release_does_not_know_of_it(merchant: Client, popup: dict[str, Any]) -> None:
    """An edit replaces lists whole, and its sender was not told of these fields by this release's API."""
    variants = [{"id": "b"}, {"id": "a", "weight": 5, "design": {"heading": "Hi"}}]
    edited = merchant.patch(f"/popups/{popup['id']}", {"variants": variants})
    assert edited.status_code == 200, edited.text
    assert edited.json()["variants"] == [
        {"id": "b", "name": "", "weight": 50, "design": {}, "offer": {}},
        {
            "id": "a",
            "name": "",
            "weight": 5,
            "design": {"heading": "Hi", "fine_print": "None"},
            "offer": {"odds": 2},
            "note": "loud",
        },
    ]
    sent_back = merchant.patch(f"/popups/{popup['id']}", {"variants": edited.json()["variants"]})
    assert sent_back.json()["variants"] == edited.json()["variants"]


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown field": ({"design": {"colour": "red"}}, "design.colour", "Unknown field."),
    "another value of one that is stored": ({"design": {"fine_print": "No"}}, "design.fine_print", "Unknown field."),
    "an unknown field of a variant": ({"variants": [{"id": "a", "odds": 1}]}, "variants.0.odds", "Unknown field."),
    "an unknown field of a new variant": (
        {"variants": [{"id": "b", "note": "x"}]},
        "variants.0.note",
        "Unknown field.",
    ),
    "an unknown field of a variant's design": (
        {"variants": [{"id": "a", "design": {"fine_print": "No"}}]},
        "variants.0.design.fine_print",
        "Unknown field.",
    ),
    "an unknown top-level field": ({"translations": {"de": {"heading": "Halt"}}}, "translations", "Unknown field."),
    "another refused value": ({"design": {"layout": "bar_bottom"}}, "design.layout", ""),
    "another refused item": ({"targeting": {"device_types": ["tv", "watch"]}}, "targeting.device_types.1", ""),
    "another refused entry": ({"targeting": {"utm": {"ids": "7"}}}, "targeting.utm.ids.key", ""),
    "a click on nothing": ({"trigger": {"type": "click"}}, "trigger.selector", ""),
}


@pytest.mark.parametrize(("patch", "path", "message"), REFUSED.values(), ids=REFUSED)
def test_what_a_merchant_sends_is_checked_as_ever(
    merchant: Client, popup: dict[str, Any], patch: dict[str, Any], path: str, message: str
) -> None:
    problem = assert_problem(merchant.patch(f"/popups/{popup['id']}", patch), 422, "invalid", path)
    assert message in problem["errors"][path][0]
    assert len(history(merchant, popup)) == 1


def test_a_field_that_this_release_does_not_know_can_be_taken_away(merchant: Client, popup: dict[str, Any]) -> None:
    edited = merchant.patch(f"/popups/{popup['id']}", {"design": {"fine_print": None}}).json()
    assert "fine_print" not in edited["design"]
    assert "teaser" in edited["design"]


def test_a_copy_has_what_this_release_does_not_know(merchant: Client, popup: dict[str, Any]) -> None:
    copy = merchant.post(f"/popups/{popup['id']}/duplicate")
    assert copy.status_code == 201, copy.text
    assert written(copy.json()) == {**written(popup), "name": "A popup (copy)", "status": "draft"}


def test_a_rollback_brings_it_back_and_leaves_unknown_columns_as_they_are(
    merchant: Client, newer: Database, popup: dict[str, Any]
) -> None:
    merchant.patch(f"/popups/{popup['id']}", {"status": "paused", "design": {"fine_print": None}, "variants": []})
    now = json.dumps({"fr": {"heading": "Halte"}})
    newer("UPDATE popups SET translations = :now WHERE id = :id", now=now, id=popup["id"])
    newer(
        "UPDATE popup_versions SET popup = popup || jsonb_build_object('translations', :now::jsonb)"
        " WHERE popup_id = :id AND version = 2",
        now=now,
        id=popup["id"],
    )
    back = merchant.post(f"/popups/{popup['id']}/rollback", {"version": 1})
    assert back.status_code == 200, back.text
    assert written(back.json()) == written(popup)
    assert history(merchant, popup)[0]["popup"]["translations"] == json.loads(now)
    assert newer.value("SELECT translations FROM popups WHERE id = :id", id=popup["id"]) == json.loads(now)


def test_a_rollback_to_before_a_column_there_is_today_takes_its_default(
    merchant: Client, newer: Database, popup: dict[str, Any]
) -> None:
    merchant.patch(f"/popups/{popup['id']}", {"priority": 7})
    newer("UPDATE popup_versions SET popup = popup - 'priority' WHERE popup_id = :id AND version = 1", id=popup["id"])
    back = merchant.post(f"/popups/{popup['id']}/rollback", {"version": 1})
    assert written(back.json()) == written(popup)


def test_a_popup_of_an_unknown_status_is_listed_and_deleted(merchant: Client, popup: dict[str, Any]) -> None:
    assert [each["status"] for each in merchant.get("/popups").json()["popups"]] == ["scheduled"]
    assert merchant.delete(f"/popups/{popup['id']}").status_code == 204


# History


WHOLE: dict[str, Any] = json.loads(json.dumps(PopupSchema().load({"name": "x", "variants": [{"id": "a"}]})))


def without(popup: dict[str, Any], *path: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(popup))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return dict(copy)


MISSING = [("priority",), ("design", "heading"), ("design", "layout"), ("frequency",), ("variants", 0, "weight")]


@pytest.mark.parametrize("path", MISSING, ids=str)
def test_a_default_that_a_release_has_added_is_no_change(path: tuple[Any, ...]) -> None:
    assert changed_fields(without(WHOLE, *path), WHOLE) == []
    assert changed_fields(WHOLE, without(WHOLE, *path)) == []


def test_a_field_that_a_release_has_added_is_a_change_once_it_says_something() -> None:
    older, newer = without(WHOLE, "design", "heading"), {**WHOLE, "design": {**WHOLE["design"], "heading": "Hi"}}
    assert changed_fields(older, newer) == ["design.heading"]
    assert changed_fields(newer, older) == ["design.heading"]


def test_an_edit_adds_no_defaults_to_an_older_popup(merchant: Client, newer: Database, popup: dict[str, Any]) -> None:
    newer("UPDATE popups SET design = design - 'padding' WHERE id = :id", id=popup["id"])
    edited = merchant.patch(f"/popups/{popup['id']}", {"design": {"heading": "Hi"}}).json()
    assert "padding" not in edited["design"]
    assert history(merchant, popup)[0]["changed_fields"] == ["design.heading"]


# Discount codes and shops


def test_a_discount_code_of_an_unknown_type_is_edited(merchant: Client, newer: Database, shop: Shop) -> None:
    code_id = make_discount_code(newer, shop, type="free_gift", value="12345.00", region="CH")
    edited = merchant.patch(f"/discount-codes/{code_id}", {"is_active": False})
    assert edited.status_code == 200, edited.text
    assert (edited.json()["type"], edited.json()["is_active"]) == ("free_gift", False)
    assert newer.value("SELECT region FROM discount_codes WHERE id = :id", id=code_id) == "CH"
    assert [code["type"] for code in merchant.get("/discount-codes").json()["discount_codes"]] == ["free_gift"]
    assert_problem(merchant.patch(f"/discount-codes/{code_id}", {"type": "gift"}), 422, "invalid", "type")
    assert_problem(merchant.patch(f"/discount-codes/{code_id}", {"region": "DE"}), 422, "invalid", "region")


def test_a_shop_with_values_that_this_release_refuses_is_edited(
    functions: dict[str, FunctionProcess], newer: Database
) -> None:
    shop = make_shop(newer, time_zone="Mars/Olympus", popups_per_visit=100, privacy_url="https://x.example/")
    newer("ALTER TABLE shops DROP CONSTRAINT shops_popups_per_visit_range")
    newer("UPDATE shops SET popups_per_visit = 500 WHERE id = :id", id=shop.id)
    merchant = Client(functions["manage_popups"], shop.write_key)
    edited = merchant.patch("/shop", {"name": "Still here"})
    assert edited.status_code == 200, edited.text
    assert (edited.json()["time_zone"], edited.json()["popups_per_visit"]) == ("Mars/Olympus", 500)
    assert_problem(merchant.patch("/shop", {"popups_per_visit": 501}), 422, "invalid", "popups_per_visit")


def test_a_key_with_rights_that_this_release_does_not_know_has_none(
    functions: dict[str, FunctionProcess], newer: Database, shop: Shop
) -> None:
    newer("UPDATE api_keys SET rights = 'orders' WHERE shop_id = :id AND rights = 'read'", id=shop.id)
    orders = Client(functions["manage_popups"], shop.read_key)
    assert_problem(orders.get("/shop"), 403, "key_lacks_right")
    listed = Client(functions["manage_popups"], shop.write_key).get("/api-keys").json()["api_keys"]
    assert {key["rights"] for key in listed} == {"orders", "write"}


# Storefronts and reports


def test_a_storefront_gets_unknown_fields_but_of_an_offer_which_may_be_secret(
    functions: dict[str, FunctionProcess], merchant: Client, shop: Shop, popup: dict[str, Any]
) -> None:
    allowed = {"status": "active", "targeting": {"countries": None}}
    assert merchant.patch(f"/popups/{popup['id']}", allowed).status_code == 200
    (served,) = Client(functions["get_active_popups"]).get(f"/?shop_id={shop.id}").json()["popups"]
    assert served["design"] == popup["design"]
    assert served["trigger"] == popup["trigger"]
    assert served["frequency"] == popup["frequency"]
    assert served["offer"] == {"type": "spin_wheel", "consent_text": "Yes.", "has_code": False}
    assert served["variants"][0] == {"id": "a", "weight": 1, "design": {"fine_print": "None"}, "offer": {}}
    explained = merchant.get(f"/popups/{popup['id']}/explain?visitor=somebody")
    assert explained.status_code == 200, explained.text
    assert explained.json()["trigger"] == "idle"


@pytest.mark.parametrize("targeting", [{"countries": ["CH"]}, {"visitors": "loyal"}], ids=str)
def test_a_popup_that_would_be_shown_to_too_many_is_not_served(
    functions: dict[str, FunctionProcess], merchant: Client, newer: Database, shop: Shop, targeting: dict[str, Any]
) -> None:
    popup_id = make_popup(newer, shop)
    newer("UPDATE popups SET targeting = targeting || :more WHERE id = :id", more=json.dumps(targeting), id=popup_id)
    assert Client(functions["get_active_popups"]).get(f"/?shop_id={shop.id}").json()["popups"] == []
    reason = merchant.get(f"/popups/{popup_id}/explain").json()["reason"]
    assert reason == f"targeting.{next(iter(targeting))}"


def test_reports_count_an_unknown_type_under_its_own_name(
    functions: dict[str, FunctionProcess], newer: Database, shop: Shop
) -> None:
    popup_id = make_popup(newer, shop, variants=[{"id": "a"}])
    today = newer.value("SELECT (now() AT TIME ZONE 'UTC')::date")
    of = {"shop_id": shop.id, "popup_id": popup_id, "day": today, "variant_id": "a", "device_type": "tv"}
    insert(newer, "daily_views", **of, views=8, viewers=8)
    for type_, conversions in (("survey_answer", 2), ("click", 1)):
        insert(newer, "daily_conversions", **of, type=type_, currency="", revenue=0, conversions=conversions)
    reader = Client(functions["stats"], shop.read_key)
    for path in (f"/popups/{popup_id}", "/shop"):
        report = reader.get(path).json()
        assert report["conversions_by_type"]["survey_answer"] == 2
        assert (report["conversions"], report["converters"]) == (3, 0)
        assert [group["device_type"] for group in report["by_device"]] == ["tv"]
    assert reader.get(f"/popups/{popup_id}/experiment").status_code == 200
    assert_problem(reader.get(f"/popups/{popup_id}/experiment?goal=survey_answer"), 422, "invalid", "goal")
