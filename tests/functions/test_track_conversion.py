"""track_conversion: conversions of every type, subscribers, and the codes that are given out."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.postgres import Duplicate, LostRace
from functions.track_conversion import recording
from functions.track_conversion.schemas import ConversionSchema
from tests.support.client import Client
from tests.support.factories import capture, conversion, make_discount_code, make_popup, make_shop, purchase, view
from tests.support.stack import Database, FunctionProcess
from tests.support.tracking import assert_tallies_equal_events, send, send_each, statuses


def with_times(popup: dict[str, Any]) -> dict[str, Any]:
    """With its schedule, which is told in minutes before now."""
    now = datetime.now(UTC)
    times = {name: popup[name] for name in ("starts_at", "ends_at") if popup.get(name) is not None}
    return popup | {name: (now - timedelta(minutes=minutes)).isoformat() for name, minutes in times.items()}


@pytest.fixture
def shop_id(database: Database) -> str:
    return make_shop(database).id


@pytest.fixture
def popup_id(database: Database, shop_id: str) -> str:
    return make_popup(database, shop_id, offer={"consent_text": "Yes."})


@pytest.fixture
def offer(database: Database, shop_id: str) -> Callable[..., str]:
    """`offer(codes=[…])` makes a popup that gives these single-use codes for an e-mail, and returns its id."""

    def make(codes: list[str] | None = None, **code: Any) -> str:
        code_id = make_discount_code(database, shop_id, codes=codes or [], **code)
        return make_popup(database, shop_id, offer={"type": "email_capture", "discount_code_id": code_id})

    return make


def stored(database: Database, popup_id: str) -> list[dict[str, Any]]:
    return database("SELECT * FROM popup_conversions WHERE popup_id = :id ORDER BY event_id", id=popup_id)


def subscribers(database: Database, shop_id: str) -> list[dict[str, Any]]:
    return database("SELECT * FROM email_subscribers WHERE shop_id = :id ORDER BY id", id=shop_id)


def code_in(answer: Any) -> str | None:
    assert answer.status_code in (200, 201), answer.text
    code = answer.json().get("discount_code")
    return code and code["code"]


class TestWhatIsKept:
    @pytest.mark.parametrize(
        "said",
        [
            {"type": "click"},
            {"type": "email_capture", "email": "ann@example.com", "name": "Ann"},
            {"type": "discount_code_used", "discount_code": "SAVE10"},
            {"type": "purchase", "revenue": "12.30", "currency": "EUR", "order_id": "1001"},
        ],
        ids=lambda said: said["type"],
    )
    def test_a_conversion_is_answered_201_and_stored(
        self,
        track_conversion: FunctionProcess,
        database: Database,
        shop_id: str,
        popup_id: str,
        said: dict[str, Any],
    ) -> None:
        event = conversion(popup_id, visitor_id="v", device_type="tablet", metadata={"a": [1, "ü"]}, **said)
        answer = send(track_conversion, event)
        assert (answer.status_code, answer.json()) == (201, {"conversion_id": event["event_id"]})
        (row,) = stored(database, popup_id)
        same = ("type", "session_id", "visitor_id", "device_type", "metadata", "discount_code", "currency", "order_id")
        assert {name: row[name] for name in same} == {name: event.get(name) for name in same}
        assert row["revenue"] == (Decimal(said["revenue"]) if "revenue" in said else None)
        assert_tallies_equal_events(database, shop_id)

    def test_fields_of_other_types_are_ignored(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        other = {"email": "ann@example.com", "revenue": "5", "currency": "EUR", "order_id": "7", "discount_code": "X"}
        assert send(track_conversion, conversion(popup_id, "click", **other)).status_code == 201
        (row,) = stored(database, popup_id)
        assert [row[name] for name in ("revenue", "currency", "order_id", "discount_code")] == [None] * 4
        assert subscribers(database, shop_id) == []

    def test_amounts_keep_their_decimals_and_currencies_do_not_mix(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        for number, (revenue, currency) in enumerate(
            [("0.10", "USD"), ("0.20", "USD"), ("7", "JPY"), ("1.2345", "CLF")]
        ):
            send(track_conversion, {**purchase(popup_id, f"{number}", revenue), "currency": currency})
        rows = database("SELECT currency, revenue FROM daily_conversions WHERE popup_id = :id", id=popup_id)
        assert {row["currency"]: str(row["revenue"]) for row in rows} == {"USD": "0.30", "JPY": "7", "CLF": "1.2345"}
        assert_tallies_equal_events(database, shop_id)

    @pytest.mark.parametrize(
        ("revenue", "currency", "kept"),
        [
            (0.1 + 0.2, "EUR", "0.30"),
            (0.1 + 0.2 - 0.3, "EUR", "0.00"),  # 5.55e-17
            (0.00005, "EUR", "0.00"),
            (5e-324, "CLF", "0.0000"),
            (1.2e2, "EUR", "120.00"),
            ("0.3" + "3" * 300, "EUR", "0.33"),
            ("10.005", "EUR", "10.01"),
            ("10.004999", "EUR", "10.00"),
            ("7", "EUR", "7.00"),
            ("99.5", "JPY", "100"),
            ("1.2345", "KWD", "1.235"),
            ("1.23456", "CLF", "1.2346"),
        ],
    )
    def test_revenue_is_rounded_to_what_can_be_paid_in_its_currency(
        self,
        track_conversion: FunctionProcess,
        database: Database,
        shop_id: str,
        popup_id: str,
        revenue: Any,
        currency: str,
        kept: str,
    ) -> None:
        assert send(track_conversion, {**purchase(popup_id, "1", revenue), "currency": currency}).status_code == 201
        (row,) = stored(database, popup_id)
        assert str(row["revenue"]) == kept
        assert_tallies_equal_events(database, shop_id)

    def test_an_order_whose_money_is_unknown_counts(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        for order_id, money in (("1", {}), ("2", {"revenue": None, "currency": None})):
            assert send(track_conversion, conversion(popup_id, "purchase", order_id=order_id, **money)).ok
        assert [(row["revenue"], row["currency"]) for row in stored(database, popup_id)] == [(None, None)] * 2
        (tally,) = database("SELECT * FROM daily_conversions WHERE popup_id = :id", id=popup_id)
        assert (tally["conversions"], tally["revenue"], tally["currency"]) == (2, 0, "")
        assert_tallies_equal_events(database, shop_id)

    def test_without_an_event_id_each_request_is_a_conversion_of_its_own(
        self, track_conversion: FunctionProcess, database: Database, popup_id: str
    ) -> None:
        body = {"popup_id": popup_id, "session_id": "s", "type": "click"}
        assert statuses(send(track_conversion, body) for _ in range(2)) == {201: 2}
        assert len(stored(database, popup_id)) == 2

    @pytest.mark.parametrize(
        ("type_", "missing"),
        [
            ("email_capture", ["email"]),
            ("discount_code_used", ["discount_code"]),
            ("purchase", ["order_id"]),
        ],
    )
    def test_what_a_type_needs_is_named_when_it_is_missing(
        self, track_conversion: FunctionProcess, database: Database, popup_id: str, type_: str, missing: list[str]
    ) -> None:
        answer = send(track_conversion, conversion(popup_id, type_))
        assert answer.status_code == 422
        assert sorted(answer.json()["errors"]) == missing
        assert stored(database, popup_id) == []

    @pytest.mark.parametrize(
        "revenue",
        ["0e2000000000", "1e3", "4_9", "\u0664\u0669", " 49.9 ", "+1", "", ".5", "5.", "NaN", "Infinity", 1e30],
    )
    def test_revenue_is_a_plain_decimal(
        self, track_conversion: FunctionProcess, popup_id: str, revenue: str | float
    ) -> None:
        answer = send(track_conversion, purchase(popup_id, "1", revenue=revenue))  # type: ignore[arg-type]
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["revenue"])

    @pytest.mark.parametrize(
        "metadata", [{"a": "\N{GRINNING FACE}" * 1022}, {str(n): n for n in range(399)}, {"a": "x" * 4088}]
    )
    def test_metadata_is_measured_as_it_is_sent(
        self, track_conversion: FunctionProcess, popup_id: str, metadata: dict[str, Any]
    ) -> None:
        assert send(track_conversion, conversion(popup_id, metadata=metadata)).status_code == 201

    def test_metadata_has_at_most_4_kib(self, track_conversion: FunctionProcess, popup_id: str) -> None:
        frame = len('{"a":""}')
        fits, too_large = ({"a": "x" * (size - frame)} for size in (4096, 4097))
        assert send(track_conversion, conversion(popup_id, metadata=fits)).status_code == 201
        answer = send(track_conversion, conversion(popup_id, metadata=too_large))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["metadata"])

    def test_a_popup_that_does_not_exist_is_404(self, track_conversion: FunctionProcess) -> None:
        answer = send(track_conversion, conversion(str(uuid.uuid4())))
        assert (answer.status_code, answer.json()["code"]) == (404, "popup_not_found")

    def test_an_origin_that_the_shop_does_not_list_is_403_and_nothing_is_kept(
        self, track_conversion: FunctionProcess, database: Database
    ) -> None:
        shop_id = make_shop(database, allowed_origins=["https://shop.example"]).id
        popup_id = make_popup(database, shop_id)
        event = capture(popup_id, "ann@example.com")
        answer = send(track_conversion, event, Origin="https://evil.example")
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
        assert stored(database, popup_id) == subscribers(database, shop_id) == []
        assert send(track_conversion, event, Origin="https://shop.example").status_code == 201


class TestRetries:
    def test_the_same_event_again_is_answered_200_with_the_same_body(
        self, track_conversion: FunctionProcess, offer: Callable[..., str]
    ) -> None:
        event = capture(offer(codes=["ONE", "TWO"]), "ann@example.com")
        first, again = send(track_conversion, event), send(track_conversion, event)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.content == again.content
        assert first.json()["discount_code"]["code"] == "ONE"

    def test_the_answer_stays_the_same_when_the_offer_has_changed_meanwhile(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, offer: Callable[..., str]
    ) -> None:
        event = capture(offer(code="OLD"), "ann@example.com")
        first = send(track_conversion, event)
        database("UPDATE discount_codes SET code = 'NEW', is_active = false WHERE shop_id = :id", id=shop_id)
        assert send(track_conversion, event).content == first.content

    def test_a_retry_with_other_contents_is_still_that_event(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        event = conversion(popup_id)
        first = send(track_conversion, event)
        again = send(track_conversion, capture(popup_id, "ann@example.com", event_id=event["event_id"]))
        assert (again.status_code, again.content) == (200, first.content)
        assert subscribers(database, shop_id) == []

    def test_one_sent_again_after_retention_is_taken_and_keeps_nobody_else_from_being(
        self, track_conversion: FunctionProcess, database: Database, popup_id: str
    ) -> None:
        """Its consent, which is kept as proof, is still there."""
        old = capture(popup_id, "ann@example.com", consent=True, consent_text="Yes.")
        assert send(track_conversion, old).status_code == 201
        database("DELETE FROM popup_conversions WHERE event_id = :id", id=old["event_id"])
        answers = send_each([(track_conversion, event) for event in (old, *(conversion(popup_id) for _ in range(40)))])
        assert statuses(answers) == {201: 41}

    def test_an_event_of_another_shop_is_told_no_code(
        self, track_conversion: FunctionProcess, database: Database, offer: Callable[..., str], shop_id: str
    ) -> None:
        event = capture(offer(codes=["SECRET-1"]), "ann@example.com")
        assert code_in(send(track_conversion, event)) == "SECRET-1"
        elsewhere = make_popup(database, make_shop(database).id)
        assert code_in(send(track_conversion, {**event, "popup_id": elsewhere})) is None


class TestPurchases:
    def test_an_order_counts_once_per_shop_also_with_another_event_id(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        first = send(track_conversion, purchase(popup_id, "1001"))
        again = send(track_conversion, purchase(popup_id, "1001", revenue="99.00"))
        elsewhere = send(track_conversion, purchase(make_popup(database, shop_id), "1001"))
        assert (first.status_code, again.status_code, elsewhere.status_code) == (201, 200, 200)
        assert first.json() == again.json() == elsewhere.json()
        assert [row["revenue"] for row in stored(database, popup_id)] == [Decimal("10.00")]
        assert_tallies_equal_events(database, shop_id)

    def test_another_shop_may_have_an_order_of_the_same_number(
        self, track_conversion: FunctionProcess, database: Database, popup_id: str
    ) -> None:
        other_popup = make_popup(database, make_shop(database))
        assert statuses(send(track_conversion, purchase(id_, "1001")) for id_ in (popup_id, other_popup)) == {201: 2}

    def test_of_the_same_order_reported_100_times_at_once_to_two_instances_one_counts(
        self,
        track_conversion: FunctionProcess,
        start_function: Callable[..., FunctionProcess],
        database: Database,
        shop_id: str,
        popup_id: str,
    ) -> None:
        instances = [track_conversion, start_function("track_conversion")]
        for order_id in ("a", "b", "c"):
            answers = send_each((instance, purchase(popup_id, order_id)) for instance in instances for _ in range(50))
            assert statuses(answers) == {201: 1, 200: 99}
            assert len({answer.content for answer in answers}) == 1
        assert len(stored(database, popup_id)) == 3
        assert_tallies_equal_events(database, shop_id)


class TestSubscribers:
    def test_an_address_is_one_subscriber_whatever_its_case(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        for email in ("Ann@Example.com", "ann@example.COM", "ann@example.com"):
            assert send(track_conversion, capture(popup_id, email)).status_code == 201
        (ann,) = subscribers(database, shop_id)
        assert (ann["email"], ann["email_normalized"]) == ("Ann@Example.com", "ann@example.com")
        assert {row["subscriber_id"] for row in stored(database, popup_id)} == {ann["id"]}

    @pytest.mark.parametrize(
        "spellings",
        [
            [
                "ann@bücher.example",
                "Ann@BU\u0308CHER.example",
                "ann@xn--bcher-kva.example",
                "ann@XN--BCHER-KVA.example",
            ],
            ["zoë@example.com", "zoe\u0308@example.com", " ZOË@example.com\u200b"],
            ["ann@example.jp", "ann@\uff45xample\u3002jp"],
        ],
        ids=["a domain in its script", "accents", "wide letters"],
    )
    def test_an_address_is_one_subscriber_with_one_code_in_all_its_spellings(
        self,
        track_conversion: FunctionProcess,
        database: Database,
        shop_id: str,
        offer: Callable[..., str],
        spellings: list[str],
    ) -> None:
        popup_id = offer(codes=["ONE", "TWO"])
        assert {code_in(send(track_conversion, capture(popup_id, email))) for email in spellings} == {"ONE"}
        assert len(subscribers(database, shop_id)) == 1

    def test_an_address_that_was_stored_in_another_spelling_is_that_subscriber(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, offer: Callable[..., str]
    ) -> None:
        """As versions stored it that knew no spellings, and may still be doing during a deployment."""
        popup_id = offer(codes=["ONE", "TWO"])
        assert code_in(send(track_conversion, capture(popup_id, "ann@bücher.example"))) == "ONE"
        old = "ann@xn--bcher-kva.example"
        of_shop = {"id": shop_id, "old": old}
        database("UPDATE email_subscribers SET email_normalized = :old WHERE shop_id = :id", **of_shop)
        database(
            "UPDATE single_use_codes SET claimed_by = 'email:' || :old WHERE shop_id = :id AND code = 'ONE'", **of_shop
        )
        assert code_in(send(track_conversion, capture(popup_id, "ann@bücher.example"))) == "ONE"
        assert [row["email_normalized"] for row in subscribers(database, shop_id)] == [old]

    @pytest.mark.parametrize("blank", ["", "  ", "\u200b", "\u3164"], ids=ascii)
    def test_a_name_that_shows_nothing_is_none_and_a_later_one_becomes_known(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str, blank: str
    ) -> None:
        names = []
        for name in (blank, "Ann", blank, "Eve"):
            assert send(track_conversion, capture(popup_id, "ann@example.com", name=name)).status_code == 201
            names += [row["name"] for row in subscribers(database, shop_id)]
        assert names == [None, "Ann", "Ann", "Ann"]

    def test_tags_and_dots_make_another_subscriber(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        for email in ("ann.b@gmail.com", "annb@gmail.com", "annb+news@gmail.com"):
            send(track_conversion, capture(popup_id, email))
        assert len(subscribers(database, shop_id)) == 3

    def test_shops_do_not_share_subscribers(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        other_shop = make_shop(database).id
        for id_ in (popup_id, make_popup(database, other_shop)):
            send(track_conversion, capture(id_, "ann@example.com"))
        assert len(subscribers(database, shop_id)) == len(subscribers(database, other_shop)) == 1

    def test_an_address_captured_100_times_at_once_is_one_subscriber_and_gets_one_code(
        self,
        track_conversion: FunctionProcess,
        start_function: Callable[..., FunctionProcess],
        database: Database,
        shop_id: str,
        offer: Callable[..., str],
    ) -> None:
        instances = [track_conversion, start_function("track_conversion")]
        popup_id = offer(codes=[f"CODE{number}" for number in range(100)])
        answers = send_each(
            (instance, capture(popup_id, "ann@example.com")) for instance in instances for _ in range(50)
        )
        assert statuses(answers) == {201: 100}
        assert len({code_in(answer) for answer in answers}) == 1
        assert len(subscribers(database, shop_id)) == 1
        assert_tallies_equal_events(database, shop_id)

    def test_consent_is_kept_with_the_text_that_was_shown(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        send(track_conversion, capture(popup_id, "ann@example.com", consent=True, consent_text="Yes."))
        (ann,) = subscribers(database, shop_id)
        assert ann["consent_text"] == "Yes."
        assert ann["consented_at"] is not None

    def test_consent_to_a_blank_text_is_refused(self, track_conversion: FunctionProcess, popup_id: str) -> None:
        answer = send(track_conversion, capture(popup_id, "ann@example.com", consent=True, consent_text=" \n"))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["consent_text"])

    def test_consent_without_the_text_that_was_shown_is_refused(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        answer = send(track_conversion, capture(popup_id, "ann@example.com", consent=True))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["consent_text"])
        assert subscribers(database, shop_id) == []

    def test_a_capture_without_consent_leaves_the_consent_that_was_given(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        send(track_conversion, capture(popup_id, "ann@example.com", name="Ann", consent=True, consent_text="Yes."))
        (before,) = subscribers(database, shop_id)
        send(track_conversion, capture(popup_id, "ann@example.com", consent=False))
        assert subscribers(database, shop_id) == [before]

    @pytest.mark.parametrize(
        ("consent", "revived"),
        [({"consent": True, "consent_text": "Yes."}, True), ({"consent": False}, False), ({}, False)],
        ids=["with consent", "refused", "not asked"],
    )
    def test_an_unsubscribed_address_is_revived_with_consent_only(
        self,
        track_conversion: FunctionProcess,
        database: Database,
        shop_id: str,
        popup_id: str,
        consent: dict[str, Any],
        revived: bool,
    ) -> None:
        send(track_conversion, capture(popup_id, "ann@example.com"))
        database(
            "UPDATE email_subscribers SET is_active = false, unsubscribed_at = now() WHERE shop_id = :id", id=shop_id
        )
        assert send(track_conversion, capture(popup_id, "ann@example.com", **consent)).status_code == 201
        (ann,) = subscribers(database, shop_id)
        assert (ann["is_active"], ann["unsubscribed_at"] is None) == (revived, revived)


class TestCodes:
    @pytest.mark.parametrize(
        ("terms", "value"), [(("fixed", "7.125"), "7.125"), (("fixed", "750"), "750"), (("percentage", "10"), "10.00")]
    )
    def test_a_shared_code_is_given_to_everybody_with_its_terms(
        self, track_conversion: FunctionProcess, offer: Callable[..., str], terms: tuple[str, str], value: str
    ) -> None:
        type_, amount = terms
        popup_id = offer(code="SUMMER", type=type_, value=amount, expires_at="2190-01-02T03:04:05Z")
        for email in ("ann@example.com", "bob@example.com"):
            answer = send(track_conversion, capture(popup_id, email))
            assert answer.json()["discount_code"] == {
                "code": "SUMMER",
                "type": type_,
                "value": value,
                "expires_at": "2190-01-02T03:04:05.000Z",
                "valid_until_day": "2190-01-02",
            }

    @pytest.mark.parametrize(
        ("expires_at", "time_zone", "day"),
        [
            ("2190-01-02T00:00:00Z", "UTC", "2190-01-01"),
            ("2190-01-02T00:00:01Z", "UTC", "2190-01-02"),
            ("2190-01-01T23:00:00Z", "Europe/Berlin", "2190-01-01"),
            ("2190-01-02T05:00:00Z", "America/New_York", "2190-01-01"),
            (None, "UTC", None),
        ],
    )
    def test_a_code_says_the_last_day_on_which_it_works_in_the_shops_zone(
        self,
        track_conversion: FunctionProcess,
        database: Database,
        shop_id: str,
        offer: Callable[..., str],
        expires_at: str | None,
        time_zone: str,
        day: str | None,
    ) -> None:
        database("UPDATE shops SET time_zone = :zone WHERE id = :id", zone=time_zone, id=shop_id)
        answer = send(track_conversion, capture(offer(expires_at=expires_at), "ann@example.com"))
        assert answer.json()["discount_code"]["valid_until_day"] == day

    @pytest.mark.parametrize(
        "same",
        [
            ["Ann@Example.com", "ann@example.com", "ann+news@example.com", "ann+a+b@EXAMPLE.com"],
            ["annbee@gmail.com", "ann.bee@gmail.com", "a.n.n.b.e.e+x@googlemail.com"],
        ],
        ids=["tags and case", "dots at Gmail"],
    )
    def test_one_person_gets_one_code(
        self, track_conversion: FunctionProcess, offer: Callable[..., str], same: list[str]
    ) -> None:
        popup_id = offer(codes=["ONE", "TWO", "THREE", "FOUR", "FIVE"])
        codes = [code_in(send(track_conversion, capture(popup_id, email))) for email in same]
        assert len(set(codes)) == 1
        assert codes[0] is not None

    def test_a_person_gets_a_code_of_each_pool(
        self, track_conversion: FunctionProcess, offer: Callable[..., str]
    ) -> None:
        popups = [offer(codes=["1", "3"]), offer(codes=["2"])]
        codes = [code_in(send(track_conversion, capture(popup_id, "ann@example.com"))) for popup_id in popups * 2]
        assert codes == ["1", "2", "1", "2"]

    def test_an_address_that_is_left_in_two_shops_at_once_is_known_to_each_and_has_a_code_of_each(
        self, track_conversion: FunctionProcess, database: Database
    ) -> None:
        shops = [make_shop(database) for _ in range(2)]
        pools = [[f"{shop.id} {number}" for number in range(15)] for shop in shops]
        popups = [
            make_popup(database, shop, offer={"type": "email_capture", "discount_code_id": pool_id})
            for shop, pool in zip(shops, pools, strict=True)
            if (pool_id := make_discount_code(database, shop, pool))
        ]
        events = [capture(popup_id, f"{number}@example.com") for number in range(15) for popup_id in popups]
        codes = [code_in(answer) for answer in send_each((track_conversion, event) for event in events)]
        assert [sorted(codes[number::2], key=str) for number in range(2)] == [sorted(pool) for pool in pools]
        strangers = database(
            "SELECT FROM popup_conversions AS event JOIN email_subscribers AS person ON person.id = event.subscriber_id"
            " WHERE event.popup_id = ANY (:popups) AND person.shop_id <> event.shop_id",
            popups=popups,
        )
        assert strangers == []

    def test_dots_make_another_person_where_the_mail_server_minds_them(
        self, track_conversion: FunctionProcess, offer: Callable[..., str]
    ) -> None:
        popup_id = offer(codes=["ONE", "TWO"])
        emails = ("ann.bee@example.com", "annbee@example.com")
        assert len({code_in(send(track_conversion, capture(popup_id, email))) for email in emails}) == 2

    def test_whoever_holds_a_code_gets_it_again_when_the_pool_is_empty(
        self, track_conversion: FunctionProcess, offer: Callable[..., str]
    ) -> None:
        popup_id = offer(codes=["ONLY"])
        emails = ("ann@example.com", "bob@example.com", "ann@example.com")
        assert [code_in(send(track_conversion, capture(popup_id, email))) for email in emails] == ["ONLY", None, "ONLY"]

    def test_500_claims_at_once_on_a_pool_of_300_give_300_codes_and_200_answers_without_one(
        self,
        track_conversion: FunctionProcess,
        start_function: Callable[..., FunctionProcess],
        database: Database,
        shop_id: str,
        offer: Callable[..., str],
    ) -> None:
        instances = [track_conversion, start_function("track_conversion")]
        pool = {f"CODE-{number:03}" for number in range(300)}
        popup_id = offer(codes=sorted(pool))
        events = [capture(popup_id, f"shopper{number}@example.com") for number in range(500)]
        answers = send_each(((instances[number % 2], event) for number, event in enumerate(events)), senders=50)
        assert statuses(answers) == {201: 500}
        codes = [code_in(answer) for answer in answers]
        assert sorted(filter(None, codes)) == sorted(pool)
        assert codes.count(None) == 200
        assert len(subscribers(database, shop_id)) == 500
        again = send_each((track_conversion, event) for event in events)
        assert [answer.content for answer in again] == [answer.content for answer in answers]
        assert_tallies_equal_events(database, shop_id)

    @pytest.mark.parametrize(
        ("popup", "is_given"),
        [
            ({}, True),
            ({"status": "draft"}, False),
            ({"status": "paused"}, False),
            ({"status": "archived"}, False),
            ({"starts_at": -10}, False),
            ({"ends_at": 29}, True),
            ({"ends_at": 31}, False),
            ({"variants": [{"id": "a", "weight": 0}, {"id": "b"}]}, False),
            ({"variants": [{"id": "a", "weight": 1}, {"id": "b", "weight": 0}]}, True),
        ],
        ids=["shown", "draft", "paused", "archived", "not begun", "just over", "over", "weight 0", "weight 1"],
    )
    def test_a_code_is_given_for_what_is_shown_or_was_within_30_minutes(
        self,
        track_conversion: FunctionProcess,
        database: Database,
        shop_id: str,
        popup: dict[str, Any],
        is_given: bool,
    ) -> None:
        everybody = make_discount_code(database, shop_id)
        pool = make_discount_code(database, shop_id, codes=["ONE"])
        offer = {"type": "email_capture", "discount_code_id": pool, "when_empty": "fallback"}
        offer["fallback_discount_code_id"] = everybody
        popup_id = make_popup(database, shop_id, offer=offer, **with_times(popup))
        answer = send(track_conversion, capture(popup_id, "ann@example.com", variant_id="a"))
        assert (code_in(answer) == "ONE") == is_given
        assert ("discount_code" in answer.json()) == is_given
        assert len(stored(database, popup_id)) == 1

    @pytest.mark.parametrize("variant_id", ["holdout", "shop_holdout"])
    def test_who_is_shown_nothing_is_given_nothing(
        self, track_conversion: FunctionProcess, offer: Callable[..., str], variant_id: str
    ) -> None:
        answer = send(track_conversion, capture(offer(codes=["ONE"]), "ann@example.com", variant_id=variant_id))
        assert code_in(answer) is None

    @pytest.mark.parametrize(
        ("edit", "ends_at"),
        [
            ({"status": "paused"}, None),
            ({"status": "draft"}, None),
            ({"ends_at": 50}, None),
            ({"starts_at": -10}, None),
            ({"status": "paused"}, 20),
        ],
        ids=["paused", "a draft again", "over before its time", "moved", "paused after its end"],
    )
    def test_an_edit_that_stops_a_popup_stops_its_codes_30_minutes_later(
        self,
        track_conversion: FunctionProcess,
        manage_popups: FunctionProcess,
        database: Database,
        edit: dict[str, Any],
        ends_at: int | None,
    ) -> None:
        shop = make_shop(database)
        pool = make_discount_code(database, shop, codes=["ONE", "TWO", "THREE"])
        offer = {"type": "email_capture", "discount_code_id": pool}
        popup_id = make_popup(database, shop, offer=offer, **with_times({"ends_at": ends_at}))
        merchant = Client(manage_popups, shop.write_key)
        assert merchant.patch(f"/popups/{popup_id}", with_times(edit)).status_code == 200
        assert code_in(send(track_conversion, capture(popup_id, "ann@example.com"))) == "ONE"
        database(
            "UPDATE popups SET stopped_at = stopped_at - interval '31 minutes',"
            " ends_at = ends_at - interval '31 minutes' WHERE id = :id",
            id=popup_id,
        )
        assert merchant.patch(f"/popups/{popup_id}", {"name": "Edited while stopped"}).status_code == 200
        assert code_in(send(track_conversion, capture(popup_id, "bob@example.com"))) is None
        assert merchant.patch(f"/popups/{popup_id}", {"status": "active", "starts_at": None, "ends_at": None}).ok
        assert code_in(send(track_conversion, capture(popup_id, "cid@example.com"))) == "THREE"

    def test_a_popup_that_reached_its_view_limit_gives_codes_for_30_minutes(
        self, track_view: FunctionProcess, track_conversion: FunctionProcess, database: Database, shop_id: str
    ) -> None:
        """Views of other popups and of its holdout neither bring the limit nearer nor give more time."""
        pool = make_discount_code(database, shop_id, codes=["1", "2", "3"])
        offer = {"type": "email_capture", "discount_code_id": pool}
        popup_id, other = (make_popup(database, shop_id, offer=offer, view_limit=2) for _ in range(2))
        first, second, third = (view(popup_id) for _ in range(3))

        def seen(*events: dict[str, Any], minutes_ago: int) -> None:
            others = [view(other) for _ in range(2)] + [view(popup_id, variant_id="holdout") for _ in range(2)]
            assert send(track_view, {"events": [*events, *others]}).status_code == 202
            database(
                "UPDATE popup_views SET viewed_at = now() - make_interval(mins => :ago) WHERE event_id = ANY (:ids)",
                ago=minutes_ago,
                ids=[event["event_id"] for event in events],
            )

        def given(email: str) -> str | None:
            return code_in(send(track_conversion, capture(popup_id, email)))

        seen(first, minutes_ago=50)
        assert given("ann@example.com") == "1"
        seen(second, third, minutes_ago=29)
        assert given("bob@example.com") == "2"
        seen(second, minutes_ago=31)
        assert given("cid@example.com") is None

    def test_a_popup_that_stops_without_a_code_gives_its_others_for_30_minutes(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str
    ) -> None:
        """And none if it could never give one. Other popups go on."""
        other = make_discount_code(database, shop_id, codes=["1", "2", "3"])

        def stopping_without(pool: str) -> str:
            offer = {"type": "email_capture", "discount_code_id": pool, "when_empty": "stop"}
            variants = [{"id": "a"}, {"id": "b", "offer": {"discount_code_id": other}}]
            return make_popup(database, shop_id, offer=offer, variants=variants)

        def given(email: str, variant_id: str, popup_id: str) -> str | None:
            return code_in(send(track_conversion, capture(popup_id, email, variant_id=variant_id)))

        def taken(minutes_ago: int) -> None:
            ago = f"now() - interval '{minutes_ago} minutes'"
            database(f"UPDATE discount_code_tallies SET taken_at = {ago} WHERE shop_id = :id", id=shop_id)

        popup_id = stopping_without(make_discount_code(database, shop_id, codes=["ONLY"]))
        assert [given("ann@example.com", "a", popup_id), given("bob@example.com", "b", popup_id)] == ["ONLY", "1"]
        taken(29)
        assert given("cid@example.com", "b", popup_id) == "2"
        taken(31)
        never_filled = stopping_without(make_discount_code(database, shop_id, single_use=True))
        goes_on = make_popup(database, shop_id, offer={"type": "email_capture", "discount_code_id": other})
        codes = [given("dora@example.com", "b", id_) for id_ in (popup_id, never_filled, goes_on)]
        assert codes == [None, None, "3"]

    @pytest.mark.parametrize(
        "terms",
        [{"is_active": False}, {"expires_at": "2001-01-01T00:00:00Z"}, {"starts_at": "2190-01-01T00:00:00Z"}],
        ids=["switched off", "expired", "not yet"],
    )
    def test_a_code_that_is_not_valid_now_is_not_given_out_and_the_conversion_counts(
        self, track_conversion: FunctionProcess, offer: Callable[..., str], terms: dict[str, Any]
    ) -> None:
        answer = send(track_conversion, capture(offer(codes=["ONE"], **terms), "ann@example.com"))
        assert answer.status_code == 201
        assert code_in(answer) is None

    def test_a_click_gets_a_code_where_the_offer_asks_for_no_address(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str
    ) -> None:
        code_id = make_discount_code(database, shop_id, codes=["1", "2", "3"])
        for_a_click = make_popup(database, shop_id, offer={"type": "discount", "discount_code_id": code_id})
        for_an_email = make_popup(database, shop_id, offer={"type": "email_capture", "discount_code_id": code_id})
        for_shipping = make_popup(database, shop_id, offer={"type": "free_shipping", "discount_code_id": code_id})
        clicks = [(for_a_click, "v1"), (for_a_click, "v1"), (for_shipping, "v2"), (for_an_email, "v3")]
        codes = [code_in(send(track_conversion, conversion(id_, visitor_id=visitor))) for id_, visitor in clicks]
        assert codes == ["1", "1", "2", None]

    def test_a_variants_offer_goes_before_the_popups(
        self, track_conversion: FunctionProcess, database: Database, shop_id: str
    ) -> None:
        ten = make_discount_code(database, shop_id, code="TEN")
        twenty = make_discount_code(database, shop_id, code="TWENTY", value=20)
        popup_id = make_popup(
            database,
            shop_id,
            offer={"type": "email_capture", "discount_code_id": ten},
            variants=[
                {"id": "a"},
                {"id": "b", "offer": {"discount_code_id": twenty}},
                {"id": "c", "offer": {"discount_code_id": None}},
            ],
        )
        given = {
            variant: code_in(send(track_conversion, capture(popup_id, f"{variant}@example.com", variant_id=variant)))
            for variant in ("a", "b", "c", "unknown")
        }
        assert given == {"a": "TEN", "b": "TWENTY", "c": None, "unknown": "TEN"}
        assert_tallies_equal_events(database, shop_id)


def test_who_runs_into_anothers_claim_of_a_code_again_and_again_has_lost_the_race(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []

    def insert_events(rows: list[Any], *statements: str) -> list[Any]:
        tries.append(rows)
        raise Duplicate("claimed")

    monkeypatch.setattr(recording, "insert_events", insert_events)
    click = conversion(str(uuid.uuid4()))
    with pytest.raises(LostRace):
        recording._insert_conversions([recording._as_row(ConversionSchema().load(click), None, "203.0.113.0")])
    assert len(tries) == recording.MAX_TRIES
