"""Codes that anybody could drain: budgets a network and a shop, told to the merchant, and codes that are taken back."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from cli.upkeep.retain import retain
from common.config import load
from common.postgres.connect import connect
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, capture, conversion, make_discount_code, make_popup, make_shop, purchase
from tests.support.stack import Database, FunctionProcess, Stack
from tests.support.tracking import assert_tallies_equal_events, at_once

NETWORK, OTHER_NETWORK = "203.0.113.7", "198.51.100.9"
BUDGETS = ("codes_per_hour", "codes_per_network_per_hour", "code_uses_per_network_per_hour")


@pytest.fixture(scope="module")
def behind_a_proxy(stack: Stack) -> Iterator[FunctionProcess]:
    """track_conversion that believes the last entry of X-Forwarded-For."""
    function = stack.start_function("track_conversion", TRUSTED_PROXIES="1")
    yield function
    function.stop()


@pytest.fixture(scope="module")
def another(stack: Stack) -> Iterator[FunctionProcess]:
    function = stack.start_function("track_conversion", TRUSTED_PROXIES="1")
    yield function
    function.stop()


@pytest.fixture
def send(behind_a_proxy: FunctionProcess) -> Callable[..., requests.Response]:
    """Return a function that sends an event as a browser of that network does."""

    def post(event: dict[str, Any], network: str = NETWORK, function: FunctionProcess | None = None) -> Any:
        answer = Client(function or behind_a_proxy).post(json=event, headers={"X-Forwarded-For": network})
        assert answer.status_code in (200, 201), answer.text
        return answer.json().get("discount_code", {}).get("code")

    return post


@pytest.fixture
def pool_id(merchant: Client) -> str:
    """Return the id of a pool of 40 codes."""
    made = merchant.post("/discount-codes", {"type": "percentage", "value": "10", "single_use": True}).json()
    assert merchant.post(f"/discount-codes/{made['id']}/codes", {"count": 40}).status_code == 201
    return str(made["id"])


@pytest.fixture
def popup_id(database: Database, shop: Shop, pool_id: str) -> str:
    return make_popup(database, shop, offer={"type": "email_capture", "discount_code_id": pool_id})


def visitors(popup_id: str, count: int, name: str = "visitor") -> list[dict[str, Any]]:
    return [capture(popup_id, f"{name}{number}@example.com") for number in range(count)]


def told(merchant: Client, path: str = "/shop") -> dict[str, int]:
    """How often each budget was met."""
    met = merchant.get(path).json()["budgets_met"]
    assert all(each["last_met_at"] for each in met)
    return {each["budget"]: each["refused"] for each in met}


def spent(database: Database, shop: Shop, budget: str) -> list[int]:
    rows = database(
        "SELECT spent FROM code_budgets WHERE shop_id = :id AND budget = :budget ORDER BY spent",
        id=shop.id, budget=budget,
    )  # fmt: skip
    return [row["spent"] for row in rows]


class TestSettings:
    def test_a_shop_has_generous_budgets_and_may_change_them(self, merchant: Client) -> None:
        assert [merchant.get("/shop").json()[name] for name in BUDGETS] == [10_000, 500, 20]
        changed = merchant.patch("/shop", {"codes_per_hour": 0, "codes_per_network_per_hour": 1_000_000})
        assert [changed.json()[name] for name in BUDGETS] == [0, 1_000_000, 20]
        back = merchant.patch("/shop", dict.fromkeys(BUDGETS))
        assert [back.json()[name] for name in BUDGETS] == [10_000, 500, 20]

    @pytest.mark.parametrize("budget", BUDGETS)
    @pytest.mark.parametrize("value", [-1, 1_000_001, "5", 1.5, True])
    def test_a_bad_budget_is_refused(self, merchant: Client, budget: str, value: Any) -> None:
        assert_problem(merchant.patch("/shop", {budget: value}), 422, "invalid", budget)


class TestClaims:
    def test_a_network_that_has_met_its_budget_is_answered_without_a_code_and_others_are_not(
        self, merchant: Client, database: Database, shop: Shop, pool_id: str, popup_id: str, send: Any
    ) -> None:
        merchant.patch("/shop", {"codes_per_network_per_hour": 3})
        codes = [send(event) for event in visitors(popup_id, 5)]
        assert [code is not None for code in codes] == [True] * 3 + [False] * 2
        assert send(capture(popup_id, "ann@example.com"), OTHER_NETWORK)
        assert told(merchant) == {"codes_per_network_per_hour": 2}
        assert told(merchant, f"/discount-codes/{pool_id}") == {"codes_per_network_per_hour": 2}
        (listed,) = merchant.get("/discount-codes").json()["discount_codes"]
        assert listed == merchant.get(f"/discount-codes/{pool_id}").json()
        assert listed["pool"] == {"codes": 40, "claimed": 4, "left": 36}
        assert len(merchant.get("/subscribers").json()["subscribers"]) == 6
        assert spent(database, shop, "codes_per_network_per_hour") == [1, 3]

    def test_an_ipv6_network_is_its_64_bits(self, merchant: Client, popup_id: str, send: Any) -> None:
        merchant.patch("/shop", {"codes_per_network_per_hour": 1})
        addresses = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
        codes = [send(event, at) for event, at in zip(visitors(popup_id, 3), addresses, strict=True)]
        assert [code is not None for code in codes] == [True, False, True]

    def test_a_shops_budget_is_exact_however_many_ask_at_once_of_two_instances(
        self,
        merchant: Client,
        database: Database,
        shop: Shop,
        pool_id: str,
        popup_id: str,
        send: Any,
        behind_a_proxy: FunctionProcess,
        another: FunctionProcess,
    ) -> None:
        merchant.patch("/shop", {"codes_per_hour": 15, "codes_per_network_per_hour": 9})
        jobs = [
            (event, (NETWORK, OTHER_NETWORK)[number % 2], (behind_a_proxy, another)[number // 2 % 2])
            for number, event in enumerate(visitors(popup_id, 40))
        ]
        codes = at_once([lambda job=job: send(*job) for job in jobs])  # type: ignore[misc]
        given = [code for code in codes if code]
        assert len(set(given)) == len(given) == 15
        assert merchant.get(f"/discount-codes/{pool_id}").json()["pool"] == {"codes": 40, "claimed": 15, "left": 25}
        assert sum(told(merchant).values()) == 25
        assert spent(database, shop, "codes_per_hour") == [15]

    def test_only_a_code_that_is_given_costs_anything(
        self, merchant: Client, database: Database, shop: Shop, popup_id: str, send: Any
    ) -> None:
        merchant.patch("/shop", {"codes_per_network_per_hour": 2})
        ann = capture(popup_id, "ann@example.com")
        first = send(ann)
        assert [send(ann), send(capture(popup_id, "Ann+news@example.com"))] == [first, first]
        assert send(capture(popup_id, "bob@example.com"))
        assert [send(capture(popup_id, f"{name}@example.com")) for name in ("cid", "ann")] == [None, first]
        shared = make_popup(
            database, shop, offer={"type": "email_capture", "discount_code_id": make_discount_code(database, shop)}
        )
        empty = make_popup(
            database,
            shop,
            offer={"type": "email_capture", "discount_code_id": make_discount_code(database, shop, single_use=True)},
        )
        assert send(capture(shared, "dan@example.com"))
        assert send(capture(empty, "eve@example.com")) is None
        assert spent(database, shop, "codes_per_network_per_hour") == [2]
        assert told(merchant) == {"codes_per_network_per_hour": 1}

    def test_a_new_hour_has_a_new_budget(
        self, merchant: Client, database: Database, shop: Shop, popup_id: str, send: Any
    ) -> None:
        merchant.patch("/shop", {"codes_per_hour": 1})
        assert [send(event) is not None for event in visitors(popup_id, 2)] == [True, False]
        database("UPDATE code_budgets SET hour = hour - interval '1 hour' WHERE shop_id = :id", id=shop.id)
        assert [send(event) is not None for event in visitors(popup_id, 2, "later")] == [True, False]

    def test_a_budget_that_is_raised_or_switched_off_holds_no_longer(
        self, merchant: Client, popup_id: str, send: Any
    ) -> None:
        events = iter(visitors(popup_id, 10))
        for most, given in ((1, [True, False]), (3, [True, True, False]), (0, [True, True])):
            merchant.patch("/shop", {"codes_per_hour": most})
            assert [send(next(events)) is not None for _ in given] == given

    def test_who_is_refused_gets_no_other_code_instead(
        self, merchant: Client, database: Database, shop: Shop, pool_id: str, send: Any
    ) -> None:
        merchant.patch("/shop", {"codes_per_hour": 1})
        fallback = make_discount_code(database, shop)
        offer = {"type": "email_capture", "discount_code_id": pool_id}
        popup_id = make_popup(
            database, shop, offer={**offer, "when_empty": "fallback", "fallback_discount_code_id": fallback}
        )
        assert [send(event) is not None for event in visitors(popup_id, 2)] == [True, False]

    def test_one_networks_flood_leaves_the_last_codes_to_others(
        self, merchant: Client, popup_id: str, send: Any
    ) -> None:
        merchant.patch("/shop", {"codes_per_network_per_hour": 30})
        jobs = [(event, NETWORK) for event in visitors(popup_id, 60)]
        jobs += [(event, f"192.0.2.{number}") for number, event in enumerate(visitors(popup_id, 10, "other"))]
        codes = at_once([lambda job=job: send(*job) for job in jobs])  # type: ignore[misc]
        assert len([code for code in codes[:60] if code]) == 30
        assert all(codes[60:])

    def test_the_operator_is_warned_once(
        self, merchant: Client, shop: Shop, popup_id: str, send: Any, behind_a_proxy: FunctionProcess
    ) -> None:
        merchant.patch("/shop", {"codes_per_hour": 1})
        for event in visitors(popup_id, 5):
            send(event)
        warnings = [line for line in behind_a_proxy.log_lines() if line.get("shop_id") == shop.id]
        assert [(line["severity"], line["budget"]) for line in warnings] == [("WARNING", "codes_per_hour")]

    def test_no_address_is_kept_and_what_is_kept_goes_with_retention(
        self, stack: Stack, database: Database, shop: Shop, popup_id: str, send: Any
    ) -> None:
        send(capture(popup_id, "ann@example.com"))
        other_shop = make_shop(database)
        pool = make_discount_code(database, other_shop, codes=[f"OTHER-{other_shop.id}"])
        send(
            capture(
                make_popup(database, other_shop, offer={"type": "email_capture", "discount_code_id": pool}), "a@b.c"
            )
        )
        rows = database("SELECT * FROM code_budgets WHERE shop_id IN (:a, :b)", a=shop.id, b=other_shop.id)
        networks = [row["subject"] for row in rows if row["budget"] == "codes_per_network_per_hour"]
        assert len(set(networks)) == len(networks) == 2
        assert NETWORK not in str(rows)
        connection = connect(load({"DATABASE_URL": stack.database_url}), limit_statements=False)
        retain(connection, 36_500, now=datetime.now(UTC) + timedelta(hours=3), say=lambda line: None)
        connection.close()
        assert database("SELECT * FROM code_budgets") == []


class TestUses:
    @pytest.fixture
    def limited(self, merchant: Client) -> dict[str, Any]:
        merchant.patch("/shop", {"code_uses_per_network_per_hour": 3})
        made: dict[str, Any] = merchant.post(
            "/discount-codes", {"code": "TEN", "type": "percentage", "value": "10", "usage_limit": 8}
        ).json()
        return made

    def test_what_browsers_of_a_network_report_uses_up_no_limit(
        self, merchant: Client, database: Database, popup_id: str, send: Any, limited: dict[str, Any]
    ) -> None:
        def count() -> int:
            return int(merchant.get(f"/discount-codes/{limited['id']}").json()["usage_count"])

        for number in range(4):
            send(conversion(popup_id, "discount_code_used", discount_code="TEN"))
            send(purchase(popup_id, f"order-{number}", discount_code="ten"))
        assert count() == 3
        assert told(merchant) == {"code_uses_per_network_per_hour": 5}
        for number in range(4):
            send(purchase(popup_id, f"order-{number}", discount_code="TEN"))  # what was reported is not counted later
        assert count() == 3
        send(purchase(popup_id, "of another network", discount_code="TEN"), OTHER_NETWORK)
        assert count() == 4
        kept = database.value("SELECT count(*) FROM popup_conversions WHERE popup_id = :id", id=popup_id)
        assert kept == 9

    def test_a_code_without_a_limit_counts_every_use(
        self, merchant: Client, popup_id: str, send: Any, limited: dict[str, Any]
    ) -> None:
        merchant.patch(f"/discount-codes/{limited['id']}", {"usage_limit": None})
        for number in range(5):
            send(purchase(popup_id, f"order-{number}", discount_code="TEN"))
        assert merchant.get(f"/discount-codes/{limited['id']}").json()["usage_count"] == 5
        assert told(merchant) == {}

    def test_codes_of_a_pool_that_nobody_holds_are_used_up_no_faster(
        self, merchant: Client, pool_id: str, popup_id: str, send: Any, limited: dict[str, Any]
    ) -> None:
        codes = [f"GUESSED{number}" for number in range(5)]
        merchant.post(f"/discount-codes/{pool_id}/codes", {"codes": codes})
        held = send(capture(popup_id, "ann@example.com"))
        for number, code in enumerate(codes):
            send(purchase(popup_id, f"order-{number}", discount_code=code))
        send(purchase(popup_id, "of Ann", discount_code=held))
        told_of = merchant.get(f"/discount-codes/{pool_id}").json()
        assert told_of["pool"] == {"codes": 45, "claimed": 1, "left": 41}
        assert told_of["usage_count"] == 4


def test_what_is_told_of_codes_is_what_became_of_them_however_many_claim_and_use_them_at_once(
    merchant: Client,
    database: Database,
    shop: Shop,
    pool_id: str,
    popup_id: str,
    send: Any,
    behind_a_proxy: FunctionProcess,
    another: FunctionProcess,
) -> None:
    merchant.patch("/shop", {"codes_per_hour": 25, "code_uses_per_network_per_hour": 6})
    merchant.post("/discount-codes", {"code": "TEN", "type": "percentage", "value": "10", "usage_limit": 100})
    codes = [row["code"] for row in database("SELECT code FROM single_use_codes WHERE shop_id = :id", id=shop.id)]
    events = visitors(popup_id, 40) + visitors(popup_id, 20)
    for number in range(60):
        order = {"order_id": f"order-{number % 12}", "discount_code": random.choice(["TEN", *codes[:10]])}
        kind = random.choice(["purchase", "discount_code_used"])
        events.append(conversion(popup_id, kind, **order))
    jobs = [(event, NETWORK, function) for event in events for function in (behind_a_proxy, another)]
    random.shuffle(jobs)
    at_once([lambda job=job: send(*job) for job in jobs])  # type: ignore[misc]
    for tally in database("SELECT * FROM discount_code_tallies WHERE shop_id = :id", id=shop.id):
        (became,) = database(
            """
            SELECT count(*) AS codes, count(claimed_by) AS claimed, count(used_at) AS uses,
                count(used_at) FILTER (WHERE claimed_by IS NULL) AS used_unclaimed
            FROM single_use_codes WHERE discount_code_id = :id
            """,
            id=tally["discount_code_id"],
        )
        if str(tally["discount_code_id"]) != pool_id:
            became["uses"] = database.value(
                "SELECT count(*) FROM order_codes WHERE shop_id = :id AND code = 'TEN' AND is_counted", id=shop.id
            )
        assert {name: tally[name] for name in became} == became
    assert spent(database, shop, "codes_per_hour") == [25]
    assert_tallies_equal_events(database, shop.id)


class TestRelease:
    def test_what_was_taken_and_not_used_is_withdrawn_and_as_much_is_added(
        self, merchant: Client, database: Database, shop: Shop, pool_id: str, popup_id: str, send: Any
    ) -> None:
        path = f"/discount-codes/{pool_id}"
        taken = {send(event) for event in visitors(popup_id, 40)}
        other = merchant.post("/discount-codes", {"type": "percentage", "value": "10", "single_use": True}).json()["id"]
        assert merchant.post(f"/discount-codes/{other}/codes", {"codes": ["0"]}).json()["added"] == 1
        of_other = make_popup(database, shop, offer={"type": "email_capture", "discount_code_id": other})
        assert send(capture(of_other, "ann@example.com")) == "0"
        used = min(taken)
        send(purchase(popup_id, "order", discount_code=used))
        released = merchant.post(f"{path}/release")
        assert released.status_code == 200, released.text
        answer = released.json()
        assert (answer["withdrawn"], answer["added"], answer["has_more"]) == (39, 39, False)
        assert set(answer["withdrawn_codes"]) == taken - {used}
        assert answer["pool"] == {"codes": 79, "claimed": 40, "left": 39} == merchant.get(path).json()["pool"]
        assert not taken & set(answer["codes"])
        assert merchant.get(f"/discount-codes/{other}").json()["pool"] == {"codes": 1, "claimed": 1, "left": 0}
        assert {send(event) for event in visitors(popup_id, 40)} == {*answer["codes"], used}
        assert send(capture(popup_id, "late@example.com")) is None

    def test_a_withdrawn_code_is_never_added_again_and_its_use_is_counted(
        self, merchant: Client, pool_id: str, popup_id: str, send: Any
    ) -> None:
        code = send(capture(popup_id, "ann@example.com"))
        path = f"/discount-codes/{pool_id}"
        assert merchant.post(f"{path}/release").json()["withdrawn_codes"] == [code]
        assert merchant.post(f"{path}/codes", {"codes": [code]}).json()["duplicates"] == [code]
        assert merchant.post("/discount-codes", {"code": code, "type": "fixed", "value": "1"}).status_code == 409
        send(purchase(popup_id, "1", discount_code=code))
        told_of = merchant.get(path).json()
        assert (told_of["usage_count"], told_of["pool"]["left"]) == (1, 40)
        assert merchant.post(f"{path}/release").json()["withdrawn"] == 0

    def test_the_same_event_again_is_answered_as_it_was(
        self, merchant: Client, pool_id: str, popup_id: str, send: Any
    ) -> None:
        event = capture(popup_id, "ann@example.com")
        code = send(event)
        merchant.post(f"/discount-codes/{pool_id}/release")
        assert send(event) == code
        assert send(capture(popup_id, "ann@example.com")) not in (code, None)

    def test_with_an_idempotency_key_it_is_done_once(
        self, merchant: Client, pool_id: str, popup_id: str, send: Any
    ) -> None:
        key = {"Idempotency-Key": "release-1"}
        answers = []
        for name in ("ann", "bob"):
            send(capture(popup_id, f"{name}@example.com"))
            answers.append(merchant.post(f"/discount-codes/{pool_id}/release", headers=key).json())
        assert answers[0] == answers[1]
        assert answers[0]["withdrawn"] == 1
        assert merchant.get(f"/discount-codes/{pool_id}").json()["pool"] == {"codes": 41, "claimed": 2, "left": 39}

    def test_it_is_for_pools_of_the_shop_and_for_keys_that_may_write(
        self, merchant: Client, manage_popups: FunctionProcess, database: Database, shop: Shop, pool_id: str
    ) -> None:
        path = f"/discount-codes/{pool_id}/release"
        assert_problem(Client(manage_popups, shop.read_key).post(path), 403, "key_lacks_right")
        stranger = Client(manage_popups, make_shop(database).write_key)
        assert_problem(stranger.post(path), 404, "discount_code_not_found")
        assert_problem(merchant.post(f"/discount-codes/{make_discount_code(database, shop)}/release"), 409, "conflict")
