"""The plain statements of events: what they leave to the full ones, and that nobody can tell which stored an event."""

import json
import uuid
from typing import Any

import pytest

from common.shop.plain_events import NOT_PLAIN
from functions.track_conversion.queries import INSERT_PLAIN_CONVERSIONS
from functions.track_view.queries import INSERT_PLAIN_VIEWS
from tests.support.factories import (
    capture,
    conversion,
    make_discount_code,
    make_popup,
    make_shop,
    purchase,
    uuid7,
    view,
)
from tests.support.stack import Database, FunctionProcess
from tests.support.tracking import assert_tallies_equal_events, send, stored_views

VARIANTS = [{"id": "a", "name": "Control"}, {"id": "b", "name": "Bold"}]
COMPARING: dict[str, dict[str, Any]] = {"variants": {"variants": VARIANTS}, "a holdout": {"holdout_percent": 10}}
NOT_PLAIN_VIEWS: dict[str, dict[str, Any]] = {
    "an exposure": {"signal": "exposure"},
    "a close": {"signal": "close"},
    "a foreign id": {"foreign_id": str(uuid.uuid4())},
}
NOT_PLAIN_CONVERSIONS: dict[str, dict[str, Any]] = {
    "a code used": {"type": "discount_code_used", "trimmed_code": "TEN"},
    "a code named": {"trimmed_code": "TEN"},
    "an order": {"order_id": "1001"},
    "a purchase": {"type": "purchase", "order_id": "1001"},
    "a foreign id": {"foreign_id": str(uuid.uuid4())},
}


def refusal_of(database: Database, sql: str, event: dict[str, Any]) -> str | None:
    """Run the statement on one event, and nothing else."""
    email = event.get("email")
    person = {"email_normalized": email, "claimer": f"email:{email}", "new_subscriber_id": uuid7()}
    rows = database(sql, events=json.dumps([{**person, **event, "position": 0, "origin": 0}]), origins="[null]")
    return next((row["refusal"] for row in rows if row["position"] == 0), None)


def events_of(database: Database, popup_id: str) -> int:
    counted = "SELECT (SELECT count(*) FROM {}) + (SELECT count(*) FROM {}) + (SELECT count(*) FROM {})"
    tables = (f"{name} WHERE popup_id = :id" for name in ("popup_views", "popup_conversions", "viewers_of_popups"))
    return int(database.value(counted.format(*tables), id=popup_id))


@pytest.mark.parametrize("fields", NOT_PLAIN_VIEWS.values(), ids=NOT_PLAIN_VIEWS)
def test_a_view_with_more_to_do_is_left_alone(database: Database, fields: dict[str, Any]) -> None:
    popup_id = make_popup(database, make_shop(database))
    assert refusal_of(database, INSERT_PLAIN_VIEWS, view(popup_id, **fields)) == NOT_PLAIN
    assert events_of(database, popup_id) == 0


@pytest.mark.parametrize("fields", NOT_PLAIN_CONVERSIONS.values(), ids=NOT_PLAIN_CONVERSIONS)
def test_a_conversion_with_more_to_do_is_left_alone(database: Database, fields: dict[str, Any]) -> None:
    popup_id = make_popup(database, make_shop(database))
    assert refusal_of(database, INSERT_PLAIN_CONVERSIONS, {**conversion(popup_id), **fields}) == NOT_PLAIN
    assert events_of(database, popup_id) == 0


@pytest.mark.parametrize("sql", [INSERT_PLAIN_VIEWS, INSERT_PLAIN_CONVERSIONS], ids=["views", "conversions"])
@pytest.mark.parametrize("fields", COMPARING.values(), ids=COMPARING)
def test_events_of_a_comparison_are_left_alone(database: Database, sql: str, fields: dict[str, Any]) -> None:
    popup_id = make_popup(database, make_shop(database), **fields)
    assert refusal_of(database, sql, conversion(popup_id)) == NOT_PLAIN
    assert events_of(database, popup_id) == 0


@pytest.mark.parametrize("place", ["the popup", "its only variant"])
def test_conversions_that_may_bring_a_code_are_left_alone(database: Database, place: str) -> None:
    shop = make_shop(database)
    offer = {"type": "discount", "discount_code_id": make_discount_code(database, shop)}
    fields = {"offer": offer} if place == "the popup" else {"variants": [{"id": "a", "name": "A", "offer": offer}]}
    popup_id = make_popup(database, shop, **fields)
    for event in (conversion(popup_id), capture(popup_id, "ann@example.com")):
        assert refusal_of(database, INSERT_PLAIN_CONVERSIONS, event) == NOT_PLAIN
    assert refusal_of(database, INSERT_PLAIN_VIEWS, view(popup_id)) is None


def test_a_purchase_without_a_name_is_no_plain_conversion(database: Database) -> None:
    popup_id = make_popup(database, make_shop(database))
    bought = {**purchase(popup_id, "1001"), "order_id": None}
    assert refusal_of(database, INSERT_PLAIN_CONVERSIONS, bought) == NOT_PLAIN


def test_a_list_of_plain_views_and_others_is_counted_once_each(track_view: FunctionProcess, database: Database) -> None:
    shop = make_shop(database)
    plain, compared = make_popup(database, shop), make_popup(database, shop, variants=VARIANTS)
    unknown = str(uuid.uuid4())
    events = [view(popup_id, visitor_id=f"v{turn}") for turn in range(3) for popup_id in (plain, compared, unknown)]
    for _ in range(2):
        answer = send(track_view, {"events": events}).json()
        assert [place["index"] for place in answer["rejected"]] == [2, 5, 8]
        assert answer["accepted"] == 6
    assert (stored_views(database, plain), stored_views(database, compared)) == (3, 3)
    assert_tallies_equal_events(database, plain)
    assert_tallies_equal_events(database, compared)


def test_a_view_after_an_edit_is_one_of_the_comparison(track_view: FunctionProcess, database: Database) -> None:
    """The function learns from the statement that the popup's views are not plain any longer."""
    popup_id = make_popup(database, make_shop(database))
    met = "SELECT count(*) FROM stretch_viewers WHERE popup_id = :id"
    assert send(track_view, view(popup_id)).status_code == 202
    assert database.value(met, id=popup_id) == 0
    database("UPDATE popups SET holdout_percent = 10 WHERE id = :id", id=popup_id)
    for viewers in (1, 2):
        assert send(track_view, view(popup_id)).status_code == 202
        assert database.value(met, id=popup_id) == viewers
    database("UPDATE popups SET holdout_percent = 0 WHERE id = :id", id=popup_id)
    assert send(track_view, view(popup_id)).status_code == 202
    assert database.value(met, id=popup_id) == 2
