"""Discount codes: made, changed, counted and kept from being deleted while a popup offers them; and their pools."""

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.client import PROMISED_SECONDS
from tests.support.factories import Shop, capture, conversion, insert, make_popup, make_shop, purchase
from tests.support.stack import Database, FunctionProcess, eventually
from tests.support.tracking import send_each, statuses

READABLE = re.compile(r"[A-HJKMNP-Z2-9]{4}(-[A-HJKMNP-Z2-9]{4}){2}")
TEN_PERCENT = {"type": "percentage", "value": "10"}
POOL = {**TEN_PERCENT, "single_use": True}

Call = Callable[..., requests.Response]


@pytest.fixture
def call(manage_popups: FunctionProcess, shop: Shop) -> Call:
    """`call("GET", "/discount-codes")`, with the shop's key unless headers say otherwise."""

    def send(method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        return requests.request(method, manage_popups.url + path, json=body, headers=shop.writer | headers, timeout=30)

    return send


@pytest.fixture
def make(call: Call) -> Callable[..., dict[str, Any]]:
    def make_code(**fields: Any) -> dict[str, Any]:
        answer = call("POST", "/discount-codes", TEN_PERCENT | fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make_code


def errors_of(answer: requests.Response) -> dict[str, list[str]]:
    assert answer.status_code == 422, answer.text
    return answer.json()["errors"]


def offering(database: Database, shop: Shop, code: dict[str, Any], **offer: Any) -> str:
    return make_popup(database, shop, offer={"type": "email_capture", "discount_code_id": code["id"], **offer})


def track(function: FunctionProcess, event: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(function.url, json=event, timeout=10)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


class TestOne:
    def test_it_is_made_with_every_field_and_read_as_it_was_made(self, call: Call) -> None:
        written = {
            "code": "Sommer-10%",
            "type": "percentage",
            "value": "10.00",
            "minimum_purchase": "49.90",
            "maximum_discount": "20.00",
            "starts_at": "2026-01-01T00:00:00.000Z",
            "expires_at": "2027-01-01T00:00:00.000Z",
            "usage_limit": 100,
            "single_use": False,
            "is_active": True,
        }
        made = call("POST", "/discount-codes", written)
        assert made.status_code == 201
        body = made.json()
        assert {name: body[name] for name in written} == written
        assert (body["currency"], body["usage_count"], body["pool"], body["low_stock"]) == ("USD", 0, None, False)
        assert made.headers["Location"] == f"/discount-codes/{body['id']}"
        assert call("GET", made.headers["Location"]).json() == body

    def test_without_a_code_it_gets_one_that_is_readable_and_another_each_time(self, make: Any) -> None:
        codes = {make()["code"] for _ in range(20)}
        assert len(codes) == 20
        assert all(READABLE.fullmatch(code) for code in codes)

    def test_a_code_is_taken_however_it_is_typed(self, call: Call, make: Any) -> None:
        make(code="WELCOME")
        other = make(code="OTHER")
        assert call("POST", "/discount-codes", TEN_PERCENT | {"code": "Welcome"}).status_code == 409
        assert call("PATCH", f"/discount-codes/{other['id']}", {"code": "welcome"}).status_code == 409

    def test_two_shops_may_have_the_same_code(self, database: Database, manage_popups: Any, make: Any) -> None:
        make(code="WELCOME")
        body = TEN_PERCENT | {"code": "WELCOME"}
        other = make_shop(database)
        url = f"{manage_popups.url}/discount-codes"
        assert requests.post(url, json=body, headers=other.writer, timeout=10).status_code == 201

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("code", ""),
            ("code", "two words"),
            ("code", "x" * 65),
            ("code", "zero\u200bwidth"),
            ("code", "con\x07trol"),
            ("code", "no\u00a0break"),
            ("code", " \u00a0"),
            ("type", "gift"),
            ("value", "0"),
            ("value", "-1"),
            ("value", "100.01"),
            ("value", "1.001"),
            ("value", "NaN"),
            ("value", "1e400"),
            ("value", "ten"),
            ("minimum_purchase", "-1"),
            ("minimum_purchase", "10000000000"),
            ("maximum_discount", "0"),
            ("starts_at", "2026-01-01T00:00:00"),
            ("expires_at", "2020-01-01T00:00:00Z"),
            ("usage_limit", 0),
            ("usage_limit", 10**10),
            ("usage_limit", "5"),
            ("single_use", "yes"),
            ("is_active", 1),
            ("usage_count", 5),
        ],
    )
    def test_a_bad_field_is_named(self, call: Call, field: str, value: Any) -> None:
        good = TEN_PERCENT | {"starts_at": "2026-01-01T00:00:00Z"}
        assert list(errors_of(call("POST", "/discount-codes", good | {field: value}))) == [field]
        assert call("GET", "/discount-codes").json()["discount_codes"] == []

    @pytest.mark.parametrize(
        ("written", "stored"),
        [
            ("  SAVE10\u00a0", "SAVE10"),
            ("\ufeffSAVE10\u200b", "SAVE10"),
            ("दिवाली१०", "दिवाली१०"),
            ("ลดราคา", "ลดราคา"),
            ("cafe\u0301-10", "cafe\u0301-10"),
            ("\uff21\uff22\uff23", "\uff21\uff22\uff23"),
            ("50%-€🎁_№1", "50%-€🎁_№1"),
            ("x" * 64 + " ", "x" * 64),
        ],
        ids=ascii,
    )
    def test_a_code_may_be_of_any_script_and_blanks_around_it_are_no_part_of_it(
        self, call: Call, make: Any, written: str, stored: str
    ) -> None:
        assert make(code=written)["code"] == stored
        pool = make(single_use=True)
        added = call("POST", f"/discount-codes/{pool['id']}/codes", {"codes": [written, "OTHER"]}).json()
        assert (added["added"], added["duplicates"]) == (1, [stored])

    @pytest.mark.parametrize("other", ["Cafe\u0301", "\uff23\uff21fé", " café\u200b"], ids=ascii)
    def test_a_code_is_taken_in_any_form_of_its_letters(self, call: Call, make: Any, other: str) -> None:
        make(code="Café")
        assert call("POST", "/discount-codes", TEN_PERCENT | {"code": other}).status_code == 409
        code, pool = make(), make(single_use=True)
        path = f"/discount-codes/{code['id']}"
        assert call("PATCH", path, {"code": other}).status_code == 409
        added = [
            call("POST", f"/discount-codes/{pool['id']}/codes", {"codes": [form]}).json()["added"]
            for form in ("IN-A-POOL", "\uff29N-A-POOL")
        ]
        assert added == [1, 0]
        assert call("PATCH", path, {"code": "in-a-pool"}).status_code == 409
        assert call("GET", path).json()["code"] == code["code"]
        assert call("PATCH", path, {"code": code["code"].lower()}).status_code == 200

    @pytest.mark.parametrize(
        ("currency", "given", "kept"),
        [("KWD", "1.250", "1.250"), ("KWD", "1.25", "1.250"), ("JPY", "100", "100"), ("EUR", "1.250", "1.25")],
    )
    def test_an_amount_has_the_decimals_of_the_shops_currency(
        self, call: Call, currency: str, given: str, kept: str
    ) -> None:
        assert call("PATCH", "/shop", {"currency": currency}).status_code == 200
        fields = {"type": "fixed", "value": given, "minimum_purchase": given, "maximum_discount": given}
        made = call("POST", "/discount-codes", fields).json()
        assert [made[name] for name in list(fields)[1:]] == [kept] * 3
        changed = call("PATCH", f"/discount-codes/{made['id']}", {"value": given, "is_active": False}).json()
        assert changed == made | {"is_active": False, "updated_at": changed["updated_at"]}
        assert call("POST", "/discount-codes", TEN_PERCENT | {"value": "12.5"}).json()["value"] == "12.50"

    @pytest.mark.parametrize(("currency", "given"), [("JPY", "0.5"), ("EUR", "1.005"), ("KWD", "1.2505")])
    def test_an_amount_that_nobody_can_pay_is_refused_and_not_rounded(
        self, call: Call, make: Any, currency: str, given: str
    ) -> None:
        assert call("PATCH", "/shop", {"currency": currency}).status_code == 200
        refused = call("POST", "/discount-codes", {"type": "fixed", "value": given, "minimum_purchase": given})
        assert list(errors_of(refused)) == ["value", "minimum_purchase"]
        path = f"/discount-codes/{make()['id']}"
        assert list(errors_of(call("PATCH", path, {"maximum_discount": given}))) == ["maximum_discount"]
        assert list(errors_of(call("PATCH", path, {"type": "fixed", "value": given}))) == ["value"]

    def test_a_code_from_before_the_shop_changed_its_currency_can_still_be_edited(self, call: Call, make: Any) -> None:
        path = f"/discount-codes/{make(type='fixed', value='7.50')['id']}"
        assert call("PATCH", "/shop", {"currency": "JPY"}).status_code == 200
        changed = call("PATCH", path, {"is_active": False})
        assert (changed.status_code, changed.json()["value"]) == (200, "7.50")

    def test_a_patch_merges_and_leaves_the_rest(self, call: Call, make: Any) -> None:
        code = make(code="TEN", minimum_purchase="5.00", usage_limit=3)
        changed = call("PATCH", f"/discount-codes/{code['id']}", {"usage_limit": None, "value": "12.5"})
        assert changed.status_code == 200
        expected = code | {"usage_limit": None, "value": "12.50", "updated_at": changed.json()["updated_at"]}
        assert changed.json() == expected
        assert call("GET", f"/discount-codes/{code['id']}").json() == expected

    @pytest.mark.parametrize(
        ("patch", "field"), [({"code": None}, "code"), ({"single_use": True}, "single_use"), ({"id": "x"}, "id")]
    )
    def test_what_a_code_is_cannot_be_patched_away(self, call: Call, make: Any, patch: Any, field: str) -> None:
        code = make()
        assert list(errors_of(call("PATCH", f"/discount-codes/{code['id']}", patch))) == [field]

    def test_it_is_deleted_once(self, call: Call, make: Any) -> None:
        path = f"/discount-codes/{make()['id']}"
        assert [call("DELETE", path).status_code for _ in range(2)] == [204, 404]
        assert call("GET", path).json()["code"] == "discount_code_not_found"

    @pytest.mark.parametrize("of", ["offer", "variant"])
    def test_it_is_not_deleted_while_a_popup_offers_it(self, call: Call, make: Any, of: str) -> None:
        code = make()
        offer = {"type": "discount", "discount_code_id": code["id"]}
        popup = {"offer": offer} if of == "offer" else {"variants": [{"id": "a", "offer": offer}]}
        popup_id = call("POST", "/popups", {"name": "Offers it", **popup}).json()["id"]
        assert call("DELETE", f"/discount-codes/{code['id']}").status_code == 409
        assert call("DELETE", f"/popups/{popup_id}").status_code == 204
        assert call("DELETE", f"/discount-codes/{code['id']}").status_code == 204
        refused = call("POST", "/popups", {"name": "Offers it", **popup})
        assert list(errors_of(refused)) == [
            "offer.discount_code_id" if of == "offer" else "variants.0.offer.discount_code_id"
        ]

    def test_a_repeated_post_makes_one_code(self, call: Call) -> None:
        answers = [call("POST", "/discount-codes", TEN_PERCENT, **{"Idempotency-Key": "one"}) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert len(call("GET", "/discount-codes").json()["discount_codes"]) == 1


class TestList:
    def test_newest_first_in_pages_that_miss_and_repeat_nothing(self, call: Call, make: Any) -> None:
        ids = [make()["id"] for _ in range(5)]
        first = call("GET", "/discount-codes?limit=2").json()
        make()
        assert call("DELETE", f"/discount-codes/{ids[3]}").status_code == 204
        second = call("GET", f"/discount-codes?limit=2&cursor={first['next_cursor']}").json()
        third = call("GET", f"/discount-codes?limit=2&cursor={second['next_cursor']}").json()
        listed = [code["id"] for page in (first, second, third) for code in page["discount_codes"]]
        assert listed == ids[::-1]
        assert third["next_cursor"] is None

    def test_by_activity(self, call: Call, make: Any) -> None:
        make(code="ON")
        make(code="OFF", is_active=False)
        for wanted, code in (("true", "ON"), ("false", "OFF")):
            page = call("GET", f"/discount-codes?is_active={wanted}").json()
            assert [each["code"] for each in page["discount_codes"]] == [code]

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=101", "limit=1000000000", "cursor=x", "is_active=maybe", "colour=red"]
    )
    def test_a_bad_query_is_refused(self, call: Call, query: str) -> None:
        assert list(errors_of(call("GET", f"/discount-codes?{query}"))) == [query.split("=")[0]]


class TestPools:
    def test_new_codes_are_made_and_told(self, call: Call, make: Any) -> None:
        code = make(single_use=True)
        answer = call("POST", f"/discount-codes/{code['id']}/codes", {"count": 10_000})
        assert answer.status_code == 201
        body = answer.json()
        assert (body["added"], body["duplicates"]) == (10_000, [])
        assert body["pool"] == {"codes": 10_000, "claimed": 0, "left": 10_000}
        assert len(set(body["codes"])) == 10_000
        assert all(READABLE.fullmatch(each) for each in body["codes"])

    def test_duplicates_are_reported_and_the_others_added(self, call: Call, make: Any) -> None:
        first, second = make(single_use=True)["id"], make(single_use=True)["id"]
        assert call("POST", f"/discount-codes/{first}/codes", {"codes": ["A1", "A2"]}).json()["added"] == 2
        body = call("POST", f"/discount-codes/{second}/codes", {"codes": ["B1", "a1", "B2", "B1", "b2"]}).json()
        assert body == {"added": 2, "duplicates": ["a1", "B1", "b2"], "pool": {"codes": 2, "claimed": 0, "left": 2}}

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({}, ""),
            ({"codes": ["A"], "count": 1}, ""),
            ({"codes": []}, "codes"),
            ({"codes": ["A"] * 10_001}, "codes"),
            ({"codes": ["A", "B C"]}, "codes.1"),
            ({"count": 0}, "count"),
            ({"count": 10_001}, "count"),
        ],
    )
    def test_a_bad_request_adds_nothing(self, call: Call, make: Any, body: Any, path: str) -> None:
        code = make(single_use=True)
        assert list(errors_of(call("POST", f"/discount-codes/{code['id']}/codes", body))) == [path]
        assert call("GET", f"/discount-codes/{code['id']}").json()["pool"]["codes"] == 0

    def test_more_than_a_mebibyte_is_refused(self, call: Call, make: Any) -> None:
        code = make(single_use=True)
        codes = [f"{number:064d}" for number in range(20_000)]
        assert call("POST", f"/discount-codes/{code['id']}/codes", {"codes": codes}).status_code == 413

    def test_a_repeated_request_for_codes_makes_them_once(self, call: Call, make: Any) -> None:
        code = make(single_use=True)
        key = {"Idempotency-Key": "fill"}
        path = f"/discount-codes/{code['id']}/codes"
        answers = [call("POST", path, {"count": 5}, **key).json() for _ in range(2)]
        assert answers[0] == answers[1]
        assert call("GET", f"/discount-codes/{code['id']}").json()["pool"]["codes"] == 5

    def test_a_code_is_somebodys_alone_or_everybodys_but_not_both(self, call: Call, make: Any) -> None:
        shared, pool = make(code="SHARED"), make(single_use=True)
        path = f"/discount-codes/{pool['id']}/codes"
        added = call("POST", path, {"codes": ["shared", "OWN"]}).json()
        assert (added["added"], added["duplicates"]) == (1, ["shared"])
        taken = call("POST", "/discount-codes", {"type": "fixed", "value": "1", "code": "own"})
        assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
        assert call("GET", f"/discount-codes/{shared['id']}").status_code == 200

    def test_a_code_for_everybody_has_no_pool(self, call: Call, make: Any) -> None:
        assert call("POST", f"/discount-codes/{make()['id']}/codes", {"count": 1}).status_code == 409

    def test_a_pool_that_runs_out_is_flagged_and_no_other_code(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        plenty = make(single_use=True)
        call("POST", f"/discount-codes/{plenty['id']}/codes", {"count": 3})
        code = make(single_use=True)
        call("POST", f"/discount-codes/{code['id']}/codes", {"count": 3})
        popup_id = offering(database, shop, code)
        flags = []
        for shopper in ("ann", "ann", "bob", "cid"):
            track(track_conversion, capture(popup_id, f"{shopper}@example.com"))
            listed, other = call("GET", "/discount-codes").json()["discount_codes"]
            assert [call("GET", f"/discount-codes/{each['id']}").json() for each in (listed, other)] == [listed, other]
            assert (other["pool"], other["low_stock"]) == ({"codes": 3, "claimed": 0, "left": 3}, False)
            flags.append((listed["pool"]["claimed"], listed["pool"]["left"], listed["low_stock"]))
        assert flags == [(1, 2, False), (1, 2, False), (2, 1, False), (3, 0, True)]

    def test_what_is_claimed_at_once_is_counted_right(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        code = make(single_use=True)
        call("POST", f"/discount-codes/{code['id']}/codes", {"count": 30})
        popup_id = offering(database, shop, code)
        events = [capture(popup_id, f"shopper{number}@example.com") for number in range(40)]
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda event: track(track_conversion, event), events))
        given = [answer["discount_code"]["code"] for answer in answers if "discount_code" in answer]
        assert len(set(given)) == len(given) == 30
        assert call("GET", f"/discount-codes/{code['id']}").json()["pool"] == {"codes": 30, "claimed": 30, "left": 0}


class TestUse:
    def test_each_conversion_that_names_the_code_is_a_use(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        pool, code = make(single_use=True), make(code="TEN")
        make(code="OTHER")
        popup_id = offering(database, shop, code)
        used = conversion(popup_id, "discount_code_used", discount_code="ten")
        for event in (used, used, conversion(popup_id, "discount_code_used", discount_code="TEN")):
            track(track_conversion, event)
        for nobodys in ("NOBODY'S", pool["code"]):
            track(track_conversion, conversion(popup_id, "discount_code_used", discount_code=nobodys))
        listed = call("GET", "/discount-codes").json()["discount_codes"]
        assert [(each["code"], each["usage_count"]) for each in listed] == [("OTHER", 0), ("TEN", 2), (pool["code"], 0)]

    @pytest.mark.parametrize(
        "reported",
        [" TEN ", "\u00a0ten\u200b", "\ufeffTen", "\uff34\uff25\uff2e", "\u2003t\uff25n\r\n"],
        ids=ascii,
    )
    def test_a_code_is_used_however_it_was_copied(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess, reported: str
    ) -> None:
        code = make(code="TEN", usage_limit=2)
        popup_id = offering(database, shop, code)
        track(track_conversion, conversion(popup_id, "discount_code_used", discount_code=reported))
        track(track_conversion, purchase(popup_id, "1", discount_code=reported))
        assert call("GET", f"/discount-codes/{code['id']}").json()["usage_count"] == 2
        assert "discount_code" not in track(track_conversion, capture(popup_id, "ann@example.com"))

    @pytest.mark.parametrize(
        ("stored", "reported"),
        [
            ("\uff34\uff25\uff2e", "ten"),
            ("cafe\u0301", "CAFÉ"),
            ("\uff34\uff25\uff2e", "\uff34\uff25\uff2e"),
            ("№1", "no1"),
        ],
        ids=ascii,
    )
    def test_a_code_that_was_stored_in_another_form_is_used_too(
        self,
        call: Call,
        make: Any,
        shop: Shop,
        database: Database,
        track_conversion: FunctionProcess,
        stored: str,
        reported: str,
    ) -> None:
        code, pool = make(), make(single_use=True)
        database("UPDATE discount_codes SET code = :code WHERE id = :id", code=stored, id=code["id"])
        popup_id = offering(database, shop, code)
        track(track_conversion, conversion(popup_id, "discount_code_used", discount_code=reported))
        assert call("GET", f"/discount-codes/{code['id']}").json()["usage_count"] == 1
        database("UPDATE discount_codes SET code = 'x' WHERE id = :id", id=code["id"])
        insert(database, "single_use_codes", shop_id=shop.id, discount_code_id=pool["id"], code=stored)
        track(track_conversion, purchase(popup_id, "1", discount_code=reported))
        assert call("GET", f"/discount-codes/{pool['id']}").json()["usage_count"] == 1

    @pytest.mark.parametrize("blank", ["", " ", "\u200b"], ids=ascii)
    def test_a_blank_code_is_none_and_its_purchase_is_kept(
        self, shop: Shop, database: Database, track_conversion: FunctionProcess, blank: str
    ) -> None:
        popup_id = make_popup(database, shop)
        track(track_conversion, purchase(popup_id, "1", discount_code=blank))
        assert database.value("SELECT count(*) FROM popup_conversions WHERE popup_id = :id", id=popup_id) == 1
        used = conversion(popup_id, "discount_code_used", discount_code=blank)
        assert requests.post(track_conversion.url, json=used, timeout=10).status_code == 422

    @pytest.mark.parametrize("first", ["purchase", "discount_code_used"])
    def test_each_code_of_an_order_is_used_once_however_often_it_is_named(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess, first: str
    ) -> None:
        codes = [make(code=code) for code in ("TEN", "SHIPFREE", "THIRD")]
        pool = make(single_use=True)
        call("POST", f"/discount-codes/{pool['id']}/codes", {"codes": ["A1"]})
        popup_id = offering(database, shop, codes[0])

        def used(code: str, **fields: Any) -> dict[str, Any]:
            return conversion(popup_id, "discount_code_used", discount_code=code, order_id="1001", **fields)

        bought = purchase(popup_id, "1001", discount_code="ten")
        events = [bought, used("TEN"), used(" shipfree"), used("SHIPFREE"), used("a1")]
        if first == "discount_code_used":
            events.reverse()
        again = [purchase(popup_id, "1001", discount_code=code) for code in ("TEN", "A1", "THIRD", "third")]
        for event in (*events, *events, *again):
            track(track_conversion, event)

        def counts() -> list[int]:
            return [call("GET", f"/discount-codes/{each['id']}").json()["usage_count"] for each in (*codes, pool)]

        assert counts() == [1, 1, 1, 1]
        track(track_conversion, purchase(popup_id, "1002", discount_code="TEN"))
        track(track_conversion, purchase(popup_id, "1003"))
        assert counts() == [2, 1, 1, 1]

    def test_an_event_that_is_sent_again_with_another_code_uses_none(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        ten, other = make(code="TEN"), make(code="OTHER")
        event = purchase(offering(database, shop, ten), "1001", discount_code="TEN")
        for changed in (event, {**event, "discount_code": "OTHER"}, {**event, "order_id": "2"}):
            track(track_conversion, changed)
        assert call("GET", f"/discount-codes/{ten['id']}").json()["usage_count"] == 1
        assert call("GET", f"/discount-codes/{other['id']}").json()["usage_count"] == 0

    def test_a_purchase_that_an_older_version_has_counted_is_not_counted_again(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        code = make(code="TEN")
        popup_id = offering(database, shop, code)
        bought = purchase(popup_id, "1001", discount_code="TEN")
        track(track_conversion, bought)
        database("DELETE FROM order_codes WHERE shop_id = :id", id=shop.id)  # it kept no such list
        named = conversion(popup_id, "discount_code_used", discount_code="ten", order_id="1001")
        for event in (named, bought, purchase(popup_id, "1001", discount_code="Ten")):
            track(track_conversion, event)
        assert call("GET", f"/discount-codes/{code['id']}").json()["usage_count"] == 1

    def test_the_codes_of_an_order_reported_50_times_at_once_to_two_instances_are_used_once(
        self,
        call: Call,
        make: Any,
        shop: Shop,
        database: Database,
        track_conversion: FunctionProcess,
        start_function: Callable[..., FunctionProcess],
    ) -> None:
        codes = [make(code=code) for code in ("TEN", "SHIPFREE")]
        popup_id = offering(database, shop, codes[0])
        instances = [track_conversion, start_function("track_conversion")]
        events = [
            conversion(popup_id, type_, discount_code=code, order_id="1001")
            for type_ in ("purchase", "discount_code_used")
            for code in ("TEN", "SHIPFREE")
            for _ in range(25)
        ]
        random.shuffle(events)
        answers = send_each((instances[number % 2], event) for number, event in enumerate(events))
        assert set(statuses(answers)) == {201, 200}
        counts = [call("GET", f"/discount-codes/{each['id']}").json()["usage_count"] for each in codes]
        assert counts == [1, 1]

    def test_a_purchase_reported_50_times_at_once_uses_its_code_once(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        code = make(code="TEN")
        popup_id = offering(database, shop, code)
        answers = send_each(
            (track_conversion, purchase(popup_id, "1001", discount_code="TEN", session_id="the same"))
            for _ in range(50)
        )
        assert statuses(answers) == {201: 1, 200: 49}
        assert call("GET", f"/discount-codes/{code['id']}").json()["usage_count"] == 1

    def test_an_order_uses_a_code_of_a_pool_and_a_purchase_with_an_unknown_code_is_kept(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        pool = make(single_use=True)
        call("POST", f"/discount-codes/{pool['id']}/codes", {"codes": ["A1", "A2"]})
        popup_id = offering(database, shop, pool)
        for number, code in enumerate(("a1", "A1", "NOBODY'S")):
            track(track_conversion, purchase(popup_id, f"order-{number}", discount_code=code))
        assert call("GET", f"/discount-codes/{pool['id']}").json()["usage_count"] == 1
        kept = database("SELECT discount_code FROM popup_conversions WHERE popup_id = :id", id=popup_id)
        assert sorted(row["discount_code"] for row in kept) == ["A1", "NOBODY'S", "a1"]

    def test_a_code_that_was_used_before_it_was_given_is_not_given(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        pool = make(single_use=True)
        call("POST", f"/discount-codes/{pool['id']}/codes", {"codes": ["A1", "A2"]})
        popup_id = offering(database, shop, pool)
        track(track_conversion, purchase(popup_id, "1001", discount_code="A1"))
        assert track(track_conversion, capture(popup_id, "ann@example.com"))["discount_code"]["code"] == "A2"

    def test_codes_that_were_used_before_they_were_given_are_not_left(
        self,
        call: Call,
        make: Any,
        shop: Shop,
        database: Database,
        track_conversion: FunctionProcess,
        get_active_popups: FunctionProcess,
    ) -> None:
        pool = make(single_use=True)
        path = f"/discount-codes/{pool['id']}"
        call("POST", f"{path}/codes", {"codes": ["A1", "A2"]})
        popup_id = offering(database, shop, pool, when_empty="stop")

        def told() -> list[Any]:
            code = call("GET", path).json()
            (listed,) = call("GET", "/discount-codes").json()["discount_codes"]
            assert listed == code
            reason = call("GET", f"/popups/{popup_id}/explain").json()["reason"]
            return [code["pool"], code["low_stock"], reason]

        def served() -> list[str]:
            answer = requests.get(f"{get_active_popups.url}/?shop_id={shop.id}", timeout=10).json()
            return [popup["id"] for popup in answer["popups"]]

        assert told() == [{"codes": 2, "claimed": 0, "left": 2}, False, None]
        for code in ("A1", "a1"):
            track(track_conversion, purchase(popup_id, f"order-{code}", discount_code=code))
        assert served() == [popup_id]  # so that it is cached
        order = {"order_id": "order-A2", "revenue": "1.00", "currency": "USD", "discount_codes": ["A2"]}
        assert call("POST", "/orders", order).status_code == 201
        assert told() == [{"codes": 2, "claimed": 0, "left": 0}, True, "offer.when_empty"]
        eventually(lambda: served() == [], seconds=PROMISED_SECONDS)
        assert "discount_code" not in track(track_conversion, capture(popup_id, "ann@example.com"))
        added = call("POST", f"{path}/codes", {"codes": ["A3"]}).json()
        assert added["pool"] == {"codes": 3, "claimed": 0, "left": 1}
        assert told()[2] is None

    def test_a_variant_that_is_shown_to_nobody_stops_no_popup(self, call: Call, make: Any) -> None:
        pool = make(single_use=True)
        offer = {"type": "email_capture", "discount_code_id": pool["id"], "when_empty": "stop"}
        for weight, reason in ((0, None), (1, "offer.when_empty")):
            variants = [{"id": "a", "weight": 1}, {"id": "b", "weight": weight, "offer": offer}]
            made = call("POST", "/popups", {"name": "x", "status": "active", "variants": variants}).json()
            assert call("GET", f"/popups/{made['id']}/explain").json()["reason"] == reason

    def test_a_changed_limit_changes_what_is_left_at_once(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        code = make(code="TEN", usage_limit=20)
        popup_id = offering(database, shop, code)
        for order in "12":
            track(track_conversion, purchase(popup_id, order, discount_code="TEN"))
        path = f"/discount-codes/{code['id']}"
        flags = [call("PATCH", path, {"usage_limit": limit}).json()["low_stock"] for limit in (2, 20, None, 1)]
        assert flags == [True, False, False, True]

    def test_a_single_use_code_is_used_once(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        code = make(single_use=True)
        call("POST", f"/discount-codes/{code['id']}/codes", {"codes": ["A1", "A2"]})
        popup_id = offering(database, shop, code)
        for typed in ("A1", "a1", "A2"):
            track(track_conversion, conversion(popup_id, "discount_code_used", discount_code=typed))
        assert call("GET", f"/discount-codes/{code['id']}").json()["usage_count"] == 2

    def test_a_code_that_is_used_up_is_no_longer_given(
        self, call: Call, make: Any, shop: Shop, database: Database, track_conversion: FunctionProcess
    ) -> None:
        code = make(code="TWICE", usage_limit=2)
        popup_id = offering(database, shop, code)
        given = []
        for number in range(3):
            answer = track(track_conversion, capture(popup_id, f"shopper{number}@example.com"))
            given.append(answer.get("discount_code", {}).get("code"))
            track(track_conversion, conversion(popup_id, "discount_code_used", discount_code="TWICE"))
        assert given == ["TWICE", "TWICE", None]
        assert call("GET", f"/discount-codes/{code['id']}").json()["low_stock"]


class TestWhenEmpty:
    """A pool of one code, and what the second shopper gets."""

    @pytest.fixture
    def pool(self, call: Call, make: Any) -> dict[str, Any]:
        code = make(single_use=True)
        assert call("POST", f"/discount-codes/{code['id']}/codes", {"codes": ["ONLY"]}).status_code == 201
        return code

    @staticmethod
    def offering(call: Call, pool: dict[str, Any], **offer: Any) -> str:
        offer = {"type": "email_capture", "discount_code_id": pool["id"], **offer}
        made = call("POST", "/popups", {"name": "Offers it", "status": "active", "offer": offer})
        assert made.status_code == 201, made.text
        return made.json()["id"]

    @staticmethod
    def given(track_conversion: FunctionProcess, popup_id: str) -> list[str | None]:
        answers = [track(track_conversion, capture(popup_id, f"{name}@example.com")) for name in ("ann", "bob", "ann")]
        return [answer.get("discount_code", {}).get("code") for answer in answers]

    @pytest.mark.parametrize("offer", [{}, {"when_empty": "without_code"}])
    def test_the_popup_goes_on_without_a_code(
        self, call: Call, pool: Any, track_conversion: FunctionProcess, offer: Any
    ) -> None:
        assert self.given(track_conversion, self.offering(call, pool, **offer)) == ["ONLY", None, "ONLY"]

    def test_it_falls_back_to_a_code_for_everybody_while_that_is_valid(
        self, call: Call, pool: Any, make: Any, track_conversion: FunctionProcess
    ) -> None:
        everybody = make(code="EVERYBODY")
        popup_id = self.offering(call, pool, when_empty="fallback", fallback_discount_code_id=everybody["id"])
        assert self.given(track_conversion, popup_id) == ["ONLY", "EVERYBODY", "ONLY"]
        assert call("DELETE", f"/discount-codes/{everybody['id']}").status_code == 409
        assert call("PATCH", f"/discount-codes/{everybody['id']}", {"is_active": False}).status_code == 200
        assert "discount_code" not in track(track_conversion, capture(popup_id, "cid@example.com"))

    def test_it_falls_back_also_from_a_code_that_is_used_up(
        self, call: Call, make: Any, track_conversion: FunctionProcess
    ) -> None:
        limited, everybody = make(code="LIMITED", usage_limit=1), make(code="EVERYBODY")
        popup_id = self.offering(call, limited, when_empty="fallback", fallback_discount_code_id=everybody["id"])
        track(track_conversion, conversion(popup_id, "discount_code_used", discount_code="LIMITED"))
        assert self.given(track_conversion, popup_id) == ["EVERYBODY"] * 3

    def test_it_stops_everywhere_within_two_seconds_and_goes_on_with_new_codes(
        self, call: Call, pool: Any, shop: Shop, track_conversion: FunctionProcess, get_active_popups: FunctionProcess
    ) -> None:
        popup_id = self.offering(call, pool, when_empty="stop")

        def served() -> list[dict[str, Any]]:
            answer = requests.get(f"{get_active_popups.url}/?shop_id={shop.id}", timeout=10)
            popups: list[dict[str, Any]] = answer.json()["popups"]
            return popups

        eventually(lambda: [popup["id"] for popup in served()] == [popup_id], seconds=2)
        assert set(served()[0]["offer"]) == {"type", "consent_text", "has_code"}
        track(track_conversion, capture(popup_id, "ann@example.com"))
        eventually(lambda: served() == [], seconds=2.5)
        told = call("GET", f"/popups/{popup_id}/explain").json()
        assert told["reason"] == "offer.when_empty"
        assert call("POST", f"/discount-codes/{pool['id']}/codes", {"count": 1}).status_code == 201
        eventually(lambda: [popup["id"] for popup in served()] == [popup_id], seconds=2)
        assert call("PATCH", f"/discount-codes/{pool['id']}", {"is_active": False}).status_code == 200
        eventually(lambda: served() == [], seconds=2)

    @pytest.mark.parametrize(
        ("offer", "message"),
        [
            ({"when_empty": "fallback"}, "Required as the fallback."),
            ({"fallback_discount_code_id": "0199a000-0000-7000-8000-000000000001"}, "There is no such discount code."),
            ({"when_empty": "fallback", "fallback_discount_code_id": "pool"}, "Must be a public code"),
        ],
    )
    def test_a_bad_fallback_is_refused(self, call: Call, pool: Any, offer: Any, message: str) -> None:
        named = {name: pool["id"] if value == "pool" else value for name, value in offer.items()}
        refused = call("POST", "/popups", {"name": "x", "offer": {"discount_code_id": pool["id"], **named}})
        errors = errors_of(refused)
        assert list(errors) == ["offer.fallback_discount_code_id"]
        assert errors["offer.fallback_discount_code_id"][0].startswith(message)
