"""`popups retain` brings addresses into their one form, and makes one subscriber of what is one mailbox."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cli.upkeep.mailboxes import unify_mailboxes
from common.config import load
from common.postgres.connect import connect
from common.postgres.driver import Connection
from tests.support.client import Client
from tests.support.factories import Shop, capture, insert, make_discount_code, make_popup, uuid7
from tests.support.stack import Database, FunctionProcess, Stack

FORM, OLD = "ann@bücher.example", "ann@xn--bcher-kva.example"
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def unify(stack: Stack) -> Iterator[Callable[[], list[str]]]:
    """Yield a function that runs the command and returns its lines."""
    connection = connect(load({"DATABASE_URL": stack.database_url}), limit_statements=False)

    def run() -> list[str]:
        said: list[str] = []
        unify_mailboxes(Connection(connection), said.append)
        return said

    run()  # what other tests have left
    yield run
    connection.close()


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    pool = make_discount_code(database, shop, codes=["ONE", "TWO", "THREE"])
    return make_popup(database, shop, offer={"type": "email_capture", "discount_code_id": pool})


@pytest.fixture
def subscribe(database: Database, shop: Shop, popup_id: str) -> Callable[..., str]:
    def make(email: str, **fields: Any) -> str:
        subscriber_id = uuid7()
        row = {"id": subscriber_id, "shop_id": shop.id, "popup_id": popup_id, "email": email}
        row |= {"email_normalized": email, "claimer": f"email:{email}"} | fields
        insert(database, "email_subscribers", **row)
        return subscriber_id

    return make


def claim(database: Database, shop: Shop, code: str, claimer: str) -> None:
    database(
        "UPDATE single_use_codes SET claimed_by = :claimer WHERE shop_id = :id AND code = :code",
        id=shop.id, code=code, claimer=claimer,
    )  # fmt: skip


def test_a_subscriber_of_another_spelling_is_renamed_with_his_code(
    unify: Any, subscribe: Any, database: Database, shop: Shop, popup_id: str, track_conversion: FunctionProcess
) -> None:
    subscriber_id = subscribe(OLD)
    claim(database, shop, "TWO", f"email:{OLD}")
    assert unify() == ["brought 1 e-mail addresses into their one form"]
    assert unify() == []
    (ann,) = database("SELECT * FROM email_subscribers WHERE shop_id = :id", id=shop.id)
    assert (str(ann["id"]), ann["email"], ann["email_normalized"]) == (subscriber_id, OLD, FORM)
    assert ann["claimer"] == f"email:{FORM}"
    answer = Client(track_conversion).post(json=capture(popup_id, OLD)).json()
    assert answer["discount_code"]["code"] == "TWO"


@pytest.mark.parametrize("left", ["the old spelling", "the form"])
def test_of_two_that_are_one_who_left_has_left_and_consents_join_and_codes_stay(
    unify: Any,
    subscribe: Any,
    database: Database,
    shop: Shop,
    popup_id: str,
    merchant: Client,
    track_conversion: FunctionProcess,
    left: str,
) -> None:
    days = [NOW - datetime.timedelta(days=days) for days in (9, 8, 7)]
    gone = {"is_active": False, "unsubscribed_at": days[2]}
    old = subscribe(
        OLD, name=None, created_at=days[0], consented_at=days[0], consent_text="First",
        **gone if left == "the old spelling" else {},
    )  # fmt: skip
    kept = subscribe(
        FORM, name="Ann", created_at=days[1], consented_at=days[1], consent_text="Second",
        **gone if left == "the form" else {},
    )  # fmt: skip
    for subscriber_id, text in ((old, "First"), (kept, "Second")):
        insert(
            database, "email_consents", shop_id=shop.id, subscriber_id=subscriber_id, id=uuid7(), type="given",
            consent_text=text, popup_id=popup_id, popup_version=1,
        )  # fmt: skip
    event = {"event_id": uuid7(), "shop_id": shop.id, "popup_id": popup_id, "session_id": "s", "type": "email_capture"}
    insert(database, "popup_conversions", **event, subscriber_id=old)
    for code, email in (("ONE", OLD), ("TWO", FORM)):
        claim(database, shop, code, f"email:{email}")
    unify()
    (ann,) = database("SELECT * FROM email_subscribers WHERE shop_id = :id", id=shop.id)
    told = merchant.get(f"/subscribers/{kept}").json()
    assert (told["is_active"], told["name"], told["consent_text"]) == (False, "Ann", "Second")
    assert ann["unsubscribed_at"] == days[2]
    assert ann["created_at"] == days[0]
    assert [each["consent_text"] for each in told["consents"]] == ["First", "Second"]
    owner = database.value("SELECT subscriber_id FROM popup_conversions WHERE event_id = :id", id=event["event_id"])
    assert str(owner) == kept
    claims = database("SELECT code, claimed_by FROM single_use_codes WHERE shop_id = :id ORDER BY code", id=shop.id)
    by_code = {row["code"]: row["claimed_by"] for row in claims}
    assert by_code["ONE"].startswith("merged:")
    assert (by_code["TWO"], by_code["THREE"]) == (f"email:{FORM}", None)
    answer = Client(track_conversion).post(json=capture(popup_id, OLD)).json()
    assert answer["discount_code"]["code"] == "TWO"


def test_one_form_and_addresses_of_other_shops_stay_as_they_are(
    unify: Any, subscribe: Any, database: Database, shop: Shop
) -> None:
    for email in (FORM, "ann@example.com", "zoë@example.com", "not an address ü"):
        subscribe(email)
    before = database("SELECT * FROM email_subscribers WHERE shop_id = :id ORDER BY id", id=shop.id)
    assert unify() == []
    assert database("SELECT * FROM email_subscribers WHERE shop_id = :id ORDER BY id", id=shop.id) == before
