"""A deleted popup can be brought back, as a draft, for 30 days."""

from typing import Any

import pytest

from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.factories import Shop, make_discount_code, make_popup, view
from tests.support.stack import Database, FunctionProcess, eventually

OFFER = {"type": "discount", "consent_text": "Yes"}


def restored(merchant: Client, popup_id: str) -> dict[str, Any]:
    answer = merchant.post(f"/popups/{popup_id}/restore")
    assert answer.status_code == 200, answer.text
    popup: dict[str, Any] = answer.json()
    assert answer.headers["ETag"] == f'"{popup["version"]}"'
    return popup


def test_a_restored_popup_is_what_it_was_as_a_draft_with_its_numbers(
    merchant: Client, track_view: FunctionProcess, stats: FunctionProcess, shop: Shop
) -> None:
    made = merchant.post("/popups", {"name": "x", "status": "active", "priority": 7, "offer": OFFER}).json()
    path = f"/popups/{made['id']}"
    assert Client(track_view).post(json=view(made["id"])).status_code == 202
    assert merchant.delete(path).status_code == 204
    popup = restored(merchant, made["id"])
    told_anew = {"status": "draft", "is_active": False, "version": 3, "view_count": 1}
    assert popup == {**made, **told_anew, "updated_at": popup["updated_at"]}
    assert merchant.get(path).json() == popup
    assert merchant.get("/popups").json()["popups"] == [popup]
    reader = Client(stats, shop.read_key)
    eventually(lambda: reader.get(path).status_code == 200, seconds=PROMISED_SECONDS)
    assert reader.get(path).json()["views"] == 1


def test_the_history_tells_of_the_deletion_and_of_the_return(merchant: Client) -> None:
    path = f"/popups/{merchant.post('/popups', {'name': 'x', 'status': 'active'}).json()['id']}"
    merchant.delete(path)
    merchant.post(f"{path}/restore")
    versions = merchant.get(f"{path}/history").json()["versions"]
    assert [(each["version"], each["action"], each["restored_version"]) for each in versions] == [
        (3, "restored", 1), (2, "deleted", None), (1, "created", None),
    ]  # fmt: skip
    assert [each["popup"] and each["popup"]["status"] for each in versions] == ["draft", None, "active"]
    assert merchant.post(f"{path}/rollback", {"version": 1}).json()["status"] == "active"


def test_a_restored_popup_can_be_edited_deleted_and_restored_again(merchant: Client) -> None:
    popup_id = merchant.post("/popups", {"name": "x"}).json()["id"]
    for version in (3, 6):
        assert merchant.delete(f"/popups/{popup_id}").status_code == 204
        assert restored(merchant, popup_id)["version"] == version
        assert merchant.patch(f"/popups/{popup_id}", {"name": f"Named {version}"}).status_code == 200
    assert merchant.get(f"/popups/{popup_id}").json()["name"] == "Named 6"


def test_what_a_newer_release_stored_comes_back_too(merchant: Client, database: Database) -> None:
    popup_id = merchant.post("/popups", {"name": "x"}).json()["id"]
    database("UPDATE popups SET design = design || '{\"glow\": 1}' WHERE id = :id", id=popup_id)
    merchant.delete(f"/popups/{popup_id}")
    assert restored(merchant, popup_id)["design"]["glow"] == 1


def test_a_discount_code_that_was_deleted_since_is_no_longer_offered(
    merchant: Client, database: Database, shop: Shop
) -> None:
    kept, gone, fallback = (make_discount_code(database, shop) for _ in range(3))
    offer = OFFER | {"discount_code_id": gone, "when_empty": "fallback", "fallback_discount_code_id": fallback}
    variants = [{"id": "a", "offer": {"discount_code_id": kept}}, {"id": "b", "offer": {"discount_code_id": gone}}]
    popup_id = merchant.post("/popups", {"name": "x", "offer": offer, "variants": variants}).json()["id"]
    merchant.delete(f"/popups/{popup_id}")
    for code_id in (gone, fallback):
        assert merchant.delete(f"/discount-codes/{code_id}").status_code == 204
    popup = restored(merchant, popup_id)
    assert popup["offer"] == OFFER | {"discount_code_id": None}
    assert [each["offer"]["discount_code_id"] for each in popup["variants"]] == [kept, None]
    assert_problem(merchant.delete(f"/discount-codes/{kept}"), 409, "conflict")


def test_a_popup_that_is_not_deleted_is_a_conflict(merchant: Client) -> None:
    popup_id = merchant.post("/popups", {"name": "x"}).json()["id"]
    assert_problem(merchant.post(f"/popups/{popup_id}/restore"), 409, "conflict")
    assert merchant.get(f"/popups/{popup_id}").json()["version"] == 1


@pytest.mark.parametrize(("days", "status"), [(29, 200), (31, 404)])
def test_after_30_days_it_is_gone(merchant: Client, database: Database, shop: Shop, days: int, status: int) -> None:
    popup_id = make_popup(database, shop)
    merchant.delete(f"/popups/{popup_id}")
    database(
        "UPDATE popups SET deleted_at = now() - make_interval(days => :days) WHERE id = :id", days=days, id=popup_id
    )
    assert merchant.post(f"/popups/{popup_id}/restore").status_code == status


def test_a_restore_sent_again_with_its_idempotency_key_is_done_once(merchant: Client) -> None:
    popup_id = merchant.post("/popups", {"name": "x"}).json()["id"]
    merchant.delete(f"/popups/{popup_id}")
    answers = [merchant.post(f"/popups/{popup_id}/restore", headers={"Idempotency-Key": "r"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
