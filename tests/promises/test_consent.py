"""What anybody may do to a subscriber of a shop: nothing, unless somebody agreed to a text that a popup showed."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.factories import Shop, capture, make_discount_code, make_popup
from tests.support.stack import Database, FunctionProcess

TEXT, OF_VARIANT, OLD = "Yes, write to me.", "Write to me, please.", "The text of before"


@pytest.fixture
def popup_id(merchant: Client) -> str:
    """Return the id of a popup of two versions."""
    offer = {"type": "email_capture", "consent_text": OLD}
    made = merchant.post("/popups", {"name": "x", "status": "active", "offer": offer})
    assert made.status_code == 201, made.text
    variants = [{"id": "a"}, {"id": "b", "offer": {"consent_text": OF_VARIANT}}]
    path = f"/popups/{made.json()['id']}"
    assert merchant.patch(path, {"offer": {"consent_text": TEXT}, "variants": variants}).status_code == 200
    return str(made.json()["id"])


@pytest.fixture
def agree(track_conversion: FunctionProcess, popup_id: str) -> Callable[..., dict[str, Any]]:
    """Return a function that sends an address with the consent to a text and returns the answer without its id."""

    def leave(text: str | None, email: str = "ann@example.com", **fields: Any) -> dict[str, Any]:
        consent = {"consent": True, "consent_text": text} if text else {}
        answer = Client(track_conversion).post(json=capture(popup_id, email, **consent, **fields))
        assert answer.status_code == 201, answer.text
        return {name: value for name, value in answer.json().items() if name != "conversion_id"}

    return leave


def one(merchant: Client) -> dict[str, Any]:
    """Return the shop's only subscriber with the consents."""
    (found,) = merchant.get("/subscribers").json()["subscribers"]
    told: dict[str, Any] = merchant.get(f"/subscribers/{found['id']}").json()
    return told


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (TEXT, 2),
        (OF_VARIANT, 2),
        (OLD, 1),
        ("  Yes,\n\twrite \u00a0to\u2003me.\u200b ", 2),
        ("Yes, write to me", None),
        ("yes, write to me.", None),
        ("x", None),
    ],
    ids=["shown now", "another variant's", "an earlier version's", "other blanks", "cut", "other case", "invented"],
)
def test_a_consent_is_real_if_its_text_is_one_that_the_popup_showed(
    agree: Any, merchant: Client, text: str, version: int | None
) -> None:
    agree(text, variant_id="a")
    ann = one(merchant)
    assert ann["is_active"]
    assert (ann["consent_text"], ann["consented_at"] is not None) == ((text, True) if version else (None, False))
    assert [(each["consent_text"], each["popup_version"]) for each in ann["consents"]] == (
        [(text, version)] if version else []
    )


@pytest.mark.parametrize(("days", "is_real"), [(29, True), (31, False)])
def test_a_text_counts_for_30_days_after_it_was_replaced(
    agree: Any, merchant: Client, database: Database, popup_id: str, days: int, is_real: bool
) -> None:
    database(
        "UPDATE popup_versions"
        " SET changed_at = now() - make_interval(days => CASE version WHEN 1 THEN 300 ELSE :days END)"
        " WHERE popup_id = :id",
        id=popup_id, days=days,
    )  # fmt: skip
    agree(OLD)
    assert (one(merchant)["consented_at"] is not None) == is_real
    agree(TEXT)
    assert one(merchant)["consent_text"] == TEXT


def test_a_text_of_another_popup_proves_nothing(agree: Any, merchant: Client, database: Database, shop: Shop) -> None:
    make_popup(database, shop, offer={"consent_text": "Of another popup"})
    agree("Of another popup")
    assert one(merchant)["consents"] == []


def test_a_popup_without_a_history_knows_the_text_that_it_has(
    track_conversion: FunctionProcess, merchant: Client, database: Database, shop: Shop
) -> None:
    popup_id = make_popup(database, shop, offer={"consent_text": TEXT})
    event = capture(popup_id, "ann@example.com", consent=True, consent_text=TEXT)
    assert Client(track_conversion).post(json=event).status_code == 201
    assert one(merchant)["consent_text"] == TEXT


@pytest.mark.parametrize(("text", "is_revived"), [(None, False), ("invented", False), (TEXT, True), (OLD, True)])
def test_who_has_unsubscribed_is_revived_by_a_real_consent_only(
    agree: Any, merchant: Client, text: str | None, is_revived: bool
) -> None:
    agree(TEXT)
    left = one(merchant)
    assert merchant.post(f"/subscribers/{left['id']}/unsubscribe").status_code == 200
    before = one(merchant)
    agree(text)
    after = one(merchant)
    assert (after["is_active"], after["unsubscribed_at"] is None) == (is_revived, is_revived)
    assert (after == before) == (not is_revived)


def test_a_name_that_is_known_is_not_replaced_and_a_missing_one_is_filled_in(agree: Any, merchant: Client) -> None:
    agree(None)
    for name, known in ((None, None), ("Ann", "Ann"), ("Win a prize: https://evil.example", "Ann"), (None, "Ann")):
        agree(TEXT, name=name)
        assert one(merchant)["name"] == known


def test_the_answer_does_not_tell_who_is_subscribed(
    agree: Any, merchant: Client, database: Database, shop: Shop, popup_id: str
) -> None:
    code_id = make_discount_code(database, shop, code=f"SAVE-{uuid.uuid4().hex}")
    assert merchant.patch(f"/popups/{popup_id}", {"offer": {"discount_code_id": code_id}}).status_code == 200
    agree(TEXT, "ann@example.com")
    answers = [agree(text, email) for text in (TEXT, "invented") for email in ("ann@example.com", "bob@example.com")]
    assert answers == [answers[0]] * 4
