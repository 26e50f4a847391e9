"""A popup's history: every change with its key and time, and the way back."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, make_discount_code, make_key, make_popup, make_shop
from tests.support.stack import Database, FunctionProcess


@pytest.fixture
def make(merchant: Client) -> Callable[..., str]:
    def make_one(**fields: Any) -> str:
        answer = merchant.post("/popups", {"name": "First", **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    return make_one


def versions(merchant: Client, popup_id: str, query: str = "") -> list[dict[str, Any]]:
    answer = merchant.get(f"/popups/{popup_id}/history?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["versions"]


def without_time_and_counters(popup: dict[str, Any]) -> dict[str, Any]:
    return {name: popup[name] for name in popup if name not in ("updated_at", "version")}


def test_every_change_is_kept_with_its_key_time_and_fields(
    merchant: Client, make: Any, manage_popups: FunctionProcess, database: Database, shop: Shop
) -> None:
    popup_id = make(design={"heading": "One"})
    agency = make_key(database, shop.id, "write", name="The agency")
    patch = {"name": "Second", "design": {"heading": "Two", "width": 600}, "variants": [{"id": "a"}]}
    changed = Client(manage_popups, agency).patch(f"/popups/{popup_id}", patch)
    second, first = versions(merchant, popup_id)
    assert (first["version"], first["action"], first["changed_fields"]) == (1, "created", [])
    assert first["popup"]["design"]["heading"] == "One"
    assert (second["version"], second["action"]) == (2, "changed")
    assert second["changed_fields"] == ["design.heading", "design.width", "name", "variants"]
    assert second["changed_at"] == changed.json()["updated_at"]
    assert second["api_key"]["name"] == "The agency"
    assert second["api_key"]["prefix"] == agency[:12]
    assert first["api_key"]["id"] != second["api_key"]["id"]
    assert second["popup"].items() <= changed.json().items()


def test_a_copy_starts_a_history_of_its_own(merchant: Client, make: Any) -> None:
    popup_id = make()
    merchant.patch(f"/popups/{popup_id}", {"priority": 5})
    copy = merchant.post(f"/popups/{popup_id}/duplicate").json()["id"]
    assert [(kept["version"], kept["action"]) for kept in versions(merchant, copy)] == [(1, "created")]


def test_pages(merchant: Client, make: Any) -> None:
    popup_id = make()
    for priority in range(1, 5):
        merchant.patch(f"/popups/{popup_id}", {"priority": priority})
    first = merchant.get(f"/popups/{popup_id}/history?limit=2").json()
    merchant.patch(f"/popups/{popup_id}", {"priority": 9})
    second = merchant.get(f"/popups/{popup_id}/history?limit=3&cursor={first['next_cursor']}").json()
    listed = first["versions"] + second["versions"]
    assert [kept["version"] for kept in listed] == [5, 4, 3, 2, 1]
    assert [kept["changed_fields"] for kept in listed] == [["priority"]] * 4 + [[]]
    assert second["next_cursor"] is None


def test_a_rollback_brings_back_everything_as_a_new_version(
    merchant: Client, make: Any, get_active_popups: FunctionProcess, shop: Shop
) -> None:
    schedule = {"starts_at": "2020-01-01T00:00:00.000Z", "ends_at": "2100-01-01T00:00:00.000Z"}
    popup_id = make(status="active", design={"heading": "Good"}, variants=[{"id": "a", "weight": 1}], **schedule)
    original = merchant.get(f"/popups/{popup_id}").json()
    worse: dict[str, Any] = {"status": "paused", "design": {"heading": "Bad"}, "variants": [], "ends_at": None}
    assert merchant.patch(f"/popups/{popup_id}", worse).status_code == 200
    back = merchant.post(f"/popups/{popup_id}/rollback", {"version": 1})
    assert back.status_code == 200
    assert without_time_and_counters(back.json()) == without_time_and_counters(original)
    assert (back.json()["version"], back.headers["ETag"]) == (3, '"3"')
    newest = versions(merchant, popup_id)[0]
    assert (newest["action"], newest["restored_version"]) == ("restored", 1)
    served = Client(get_active_popups).get(f"/?shop_id={shop.id}").json()["popups"]
    assert [popup["design"]["heading"] for popup in served] == ["Good"]


def test_a_rollback_of_what_one_has_not_seen_is_refused(merchant: Client, make: Any) -> None:
    popup_id = make()
    merchant.patch(f"/popups/{popup_id}", {"priority": 1})
    stale = merchant.post(f"/popups/{popup_id}/rollback", {"version": 1}, headers={"If-Match": '"1"'})
    assert_problem(stale, 412, "stale_version")
    assert merchant.post(f"/popups/{popup_id}/rollback", {"version": 1}, headers={"If-Match": '"2"'}).status_code == 200


@pytest.mark.parametrize("version", [0, -1, 2, 2**31, "1", 1.5, None])
def test_a_rollback_to_no_version_changes_nothing(merchant: Client, make: Any, version: Any) -> None:
    popup_id = make()
    assert_problem(merchant.post(f"/popups/{popup_id}/rollback", {"version": version}), 422, "invalid", "version")
    assert len(versions(merchant, popup_id)) == 1


def test_a_rollback_does_not_offer_what_the_shop_no_longer_has(
    merchant: Client, make: Any, database: Database, shop: Shop
) -> None:
    code_id = make_discount_code(database, shop)
    popup_id = make(offer={"type": "discount", "discount_code_id": code_id})
    merchant.patch(f"/popups/{popup_id}", {"offer": {"discount_code_id": None}})
    assert merchant.delete(f"/discount-codes/{code_id}").status_code == 204
    refused = merchant.post(f"/popups/{popup_id}/rollback", {"version": 1})
    assert_problem(refused, 422, "invalid", "offer.discount_code_id")


def test_a_repeated_rollback_is_one_version(merchant: Client, make: Any) -> None:
    popup_id = make()
    merchant.patch(f"/popups/{popup_id}", {"priority": 1})
    key = {"Idempotency-Key": "back"}
    answers = [merchant.post(f"/popups/{popup_id}/rollback", {"version": 1}, headers=key).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(versions(merchant, popup_id)) == 3


def test_the_audit_outlives_the_popup_but_not_for_merchants(merchant: Client, make: Any, database: Database) -> None:
    popup_id = make()
    assert merchant.delete(f"/popups/{popup_id}").status_code == 204
    assert_problem(merchant.get(f"/popups/{popup_id}/history"), 404, "popup_not_found")
    assert_problem(merchant.post(f"/popups/{popup_id}/rollback", {"version": 1}), 404, "popup_not_found")
    kept = database("SELECT version, action FROM popup_versions WHERE popup_id = :id ORDER BY version", id=popup_id)
    assert kept == [{"version": 1, "action": "created"}, {"version": 2, "action": "deleted"}]


def test_other_shops_and_read_keys(
    merchant: Client, make: Any, manage_popups: FunctionProcess, database: Database, shop: Shop
) -> None:
    popup_id = make()
    stranger = Client(manage_popups, make_shop(database).write_key)
    assert_problem(stranger.get(f"/popups/{popup_id}/history"), 404, "popup_not_found")
    assert_problem(stranger.post(f"/popups/{popup_id}/rollback", {"version": 1}), 404, "popup_not_found")
    reader = Client(manage_popups, shop.read_key)
    assert_problem(reader.post(f"/popups/{popup_id}/rollback", {"version": 1}), 403, "key_lacks_right")
    assert len(versions(reader, popup_id)) == 1


def test_a_popup_from_before_there_was_a_history_has_none(merchant: Client, database: Database, shop: Shop) -> None:
    assert versions(merchant, make_popup(database, shop)) == []


@pytest.mark.parametrize("version", ["0", "2147483648", "last"])
def test_a_cursor_to_no_version_is_refused(merchant: Client, make: Any, shop: Shop, version: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([shop.id, version]).encode()).decode()
    assert_problem(merchant.get(f"/popups/{make()}/history?cursor={cursor}"), 422, "invalid", "cursor")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x", "cursor=WyJhIl0", "version=1"])
def test_a_bad_query_is_refused(merchant: Client, make: Any, query: str) -> None:
    assert_problem(merchant.get(f"/popups/{make()}/history?{query}"), 422, "invalid", query.split("=")[0])


def test_the_last_thousand_versions_are_kept(merchant: Client, make: Any, database: Database, shop: Shop) -> None:
    popup_id = make()
    database("UPDATE popup_versions SET version = 990 WHERE popup_id = :id", id=popup_id)
    database("UPDATE popups SET version = 1987 WHERE id = :id", id=popup_id)
    kept = [version["version"] for version in versions(merchant, popup_id)]
    for number in range(3):
        assert merchant.patch(f"/popups/{popup_id}", {"priority": number + 1}).status_code == 200
        kept = [1988 + number, *kept]
        assert [version["version"] for version in versions(merchant, popup_id)] == [
            version for version in kept if version > 988 + number
        ]
