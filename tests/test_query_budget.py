"""How often a call of the merchant's API asks Postgres, and that no list has to read what it does not show."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from common.session import to_statement
from functions.manage_popups import discount_code_queries, popup_queries, subscriber_queries
from functions.manage_popups.listing import NEWEST
from functions.manage_popups.subscribers import email_bounds
from tests.client import Client
from tests.factories import Shop, capture, make_discount_code, make_popup, make_shop
from tests.proxy import Proxy, proxy_to
from tests.stack import Database, FunctionProcess, Stack

# Making a million of them takes longer than all other tests of this file; the plans and times are the same with them.
SUBSCRIBERS = 200_000
MAX_MILLISECONDS = 20
Act = Callable[[], requests.Response]


@pytest.fixture(scope="module")
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture(scope="module")
def proxy(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(urlsplit(stack.database_url).port or 5432) as running:
        yield running


@pytest.fixture(scope="module")
def merchant(stack: Stack, proxy: Proxy, shop: Shop) -> Iterator[Client]:
    """One connection, so that every statement is prepared on it after a first call."""
    parts = urlsplit(stack.database_url)
    url = stack.database_url.replace(f":{parts.port}", f":{proxy.port}")
    function = stack.start_function("manage_popups", DATABASE_URL=url, DB_POOL_MAX="1", DB_POOL_MIN="1")
    yield Client(function, shop.write_key)
    function.stop()


def round_trips(merchant: Client, proxy: Proxy, act: Act) -> int:
    """Of the third such call, whose statements are prepared and whose key was checked a moment ago."""
    for _ in range(2):
        assert act().ok
    assert merchant.get("/shop").ok
    proxy.reset()
    answer = act()
    assert answer.ok, answer.text
    return proxy.round_trips


@pytest.fixture(scope="module")
def acts(
    merchant: Client, database: Database, shop: Shop, track_conversion: FunctionProcess
) -> dict[str, tuple[Act, int]]:
    """Each call and the round trips it makes at most."""
    code_id = make_discount_code(database, shop)
    pool_id = make_discount_code(database, shop, codes=[f"A-{uuid.uuid4()}"])
    offer = {"type": "discount", "discount_code_id": code_id}
    popup_id = make_popup(database, shop)

    def make(path: str, **body: Any) -> str:
        answer = merchant.post(path, body)
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def subscriber() -> str:
        email = f"{uuid.uuid4().hex}@example.com"
        assert Client(track_conversion).post(json=capture(popup_id, email)).ok
        return str(database.value("SELECT id FROM email_subscribers WHERE email = :email", email=email))

    changed = make("/popups", name="x")
    # What a call removes is made before, past the counting.
    spare = {
        "popups": [make("/popups", name="x") for _ in range(3)],
        "codes": [make("/discount-codes", type="fixed", value="1") for _ in range(3)],
        "subscribers": [subscriber() for _ in range(3)],
        "keys": [make("/api-keys", rights="read") for _ in range(3)],
    }
    kept = subscriber()
    numbers = iter(range(1000))
    return {
        "POST /popups": (lambda: merchant.post("/popups", {"name": "x", "offer": offer}), 2),
        "GET /popups": (lambda: merchant.get("/popups"), 1),
        "GET /popups/{id}": (lambda: merchant.get(f"/popups/{changed}"), 1),
        "PATCH /popups/{id}": (
            lambda: merchant.patch(f"/popups/{changed}", {"priority": next(numbers), "offer": offer}),
            3,
        ),
        "DELETE /popups/{id}": (lambda: merchant.delete(f"/popups/{spare['popups'].pop()}"), 3),
        "POST /popups/{id}/duplicate": (lambda: merchant.post(f"/popups/{changed}/duplicate"), 2),
        "GET /popups/{id}/history": (lambda: merchant.get(f"/popups/{changed}/history"), 1),
        "POST /popups/{id}/rollback": (lambda: merchant.post(f"/popups/{changed}/rollback", {"version": 1}), 3),
        "GET /popups/{id}/explain": (lambda: merchant.get(f"/popups/{changed}/explain?url=/&visitor=v"), 2),
        "POST /discount-codes": (lambda: merchant.post("/discount-codes", {"type": "fixed", "value": "1"}), 1),
        "GET /discount-codes": (lambda: merchant.get("/discount-codes"), 1),
        "GET /discount-codes/{id}": (lambda: merchant.get(f"/discount-codes/{code_id}"), 1),
        "PATCH /discount-codes/{id}": (lambda: merchant.patch(f"/discount-codes/{code_id}", {"value": "2"}), 3),
        "DELETE /discount-codes/{id}": (lambda: merchant.delete(f"/discount-codes/{spare['codes'].pop()}"), 1),
        "POST /discount-codes/{id}/codes": (
            lambda: merchant.post(f"/discount-codes/{pool_id}/codes", {"count": 1000}),
            2,
        ),
        "GET /subscribers": (lambda: merchant.get("/subscribers"), 1),
        "GET /subscribers?email=": (lambda: merchant.get("/subscribers?email=a"), 1),
        "GET /subscribers/{id}": (lambda: merchant.get(f"/subscribers/{kept}"), 2),
        "POST /subscribers/{id}/unsubscribe": (lambda: merchant.post(f"/subscribers/{kept}/unsubscribe"), 1),
        "DELETE /subscribers/{id}": (lambda: merchant.delete(f"/subscribers/{spare['subscribers'].pop()}"), 1),
        "GET /shop": (lambda: merchant.get("/shop"), 1),
        "PATCH /shop": (lambda: merchant.patch("/shop", {"name": f"Shop {next(numbers)}"}), 2),
        "POST /api-keys": (lambda: merchant.post("/api-keys", {"rights": "read"}), 1),
        "GET /api-keys": (lambda: merchant.get("/api-keys"), 1),
        "DELETE /api-keys/{id}": (lambda: merchant.delete(f"/api-keys/{spare['keys'].pop()}"), 1),
    }


def test_every_call_keeps_to_its_round_trips(merchant: Client, proxy: Proxy, acts: dict[str, tuple[Act, int]]) -> None:
    made = {name: round_trips(merchant, proxy, act) for name, (act, _) in acts.items()}
    assert made == {name: budget for name, (_, budget) in acts.items()}
    assert max(made.values()) <= 3


def test_a_list_of_100_popups_is_one_round_trip(merchant: Client, proxy: Proxy, database: Database, shop: Shop) -> None:
    for _ in range(100):
        make_popup(database, shop)
    assert round_trips(merchant, proxy, lambda: merchant.get("/popups?limit=100")) == 1
    assert len(merchant.get("/popups?limit=100").json()["popups"]) == 100


@pytest.fixture(scope="module")
def big_shop(database: Database) -> Iterator[str]:
    """A shop with many subscribers and the popup that won a hundredth of them."""
    shop = make_shop(database)
    popups = [make_popup(database, shop) for _ in range(2)]
    database(
        """
        INSERT INTO email_subscribers
            (id, shop_id, email, email_normalized, name, popup_id, is_active, created_at)
        SELECT gen_random_uuid(), :shop, address, address, 'Person ' || n,
            CASE WHEN n % 100 = 0 THEN :rare::uuid ELSE :usual::uuid END, n % 50 <> 0, now() - n * interval '1 second'
        FROM generate_series(1, :count::integer) AS n,
            LATERAL (SELECT md5(n::text) || '@example.com' AS address) AS made
        """,
        shop=shop.id,
        rare=popups[0],
        usual=popups[1],
        count=SUBSCRIBERS,
    )
    database("ANALYZE email_subscribers")
    yield shop.id
    database("DELETE FROM email_subscribers WHERE shop_id = :id", id=shop.id)


@pytest.fixture(params=["first page", "deep page"])
def place(request: pytest.FixtureRequest, big_shop: str, database: Database) -> dict[str, Any]:
    """The parameters of a page of the newest; a deep one starts in the middle of all."""
    created_at, id_ = NEWEST
    if request.param == "deep page":
        (row,) = database(
            "SELECT created_at, id FROM email_subscribers WHERE shop_id = :id ORDER BY created_at OFFSET :skip LIMIT 1",
            id=big_shop,
            skip=SUBSCRIBERS // 2,
        )
        created_at, id_ = row["created_at"], row["id"]
    return {"shop_id": big_shop, "before_created_at": created_at, "before_id": id_, "limit": 101}


def plan_of(database: Database, sql: str, plan: str, **parameters: Any) -> list[str]:
    """The plan's nodes when it is made once for all parameters ("generic") or for these ("custom"); checks the time."""
    database(f"SET plan_cache_mode = force_{plan}_plan")
    try:
        statement, in_order = to_statement(sql)
        values = in_order(parameters)
        name = f"explained_{uuid.uuid4().hex}"
        database(f"PREPARE {name} AS {statement}")
        literals = ", ".join("NULL" if value is None else f"'{value}'" for value in values)
        run = lambda: database(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name}({literals})")  # noqa: E731
        run()  # a first run reads from the disk
        (explained,) = run()[0]["QUERY PLAN"]
    finally:
        database("SET plan_cache_mode = auto")
    assert explained["Execution Time"] < MAX_MILLISECONDS, explained
    return nodes_of(explained["Plan"])


def nodes_of(plan: dict[str, Any]) -> list[str]:
    here = f"{plan['Node Type']} {plan.get('Index Name', '')}".strip()
    return [here, *(node for inner in plan.get("Plans", []) for node in nodes_of(inner))]


LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "all": (subscriber_queries.SELECT_SUBSCRIBERS, {}),
    "active ones": (subscriber_queries.SELECT_SUBSCRIBERS_BY_ACTIVITY, {"active": True}),
    "others": (subscriber_queries.SELECT_SUBSCRIBERS_BY_ACTIVITY, {"active": False}),
}


@pytest.mark.parametrize("plan", ["generic", "custom"])
@pytest.mark.parametrize("which", LISTS)
def test_lists_of_subscribers_read_an_index_only_as_far_as_the_page(
    database: Database, place: dict[str, Any], which: str, plan: str
) -> None:
    sql, parameters = LISTS[which]
    nodes = plan_of(database, sql, plan, **place, **parameters)
    assert [node.split()[0] for node in nodes] == ["Limit", "Index"]


@pytest.mark.parametrize("plan", ["generic", "custom"])
def test_the_subscribers_of_a_popup_are_found_by_an_index(database: Database, place: dict[str, Any], plan: str) -> None:
    for popup in database("SELECT id FROM popups WHERE shop_id = :id", id=place["shop_id"]):
        sql = subscriber_queries.SELECT_SUBSCRIBERS_OF_POPUP
        nodes = plan_of(database, sql, plan, **place, popup_id=popup["id"], active=None)
        assert [node.split()[0] for node in nodes] == ["Limit", "Index"]


@pytest.mark.parametrize("plan", ["generic", "custom"])
@pytest.mark.parametrize("prefix", ["a", "a87f", "a87ff679a2f3e71d9181a67b7542122c@example.com"])
def test_a_search_by_address_reads_only_those_that_start_so(
    database: Database, big_shop: str, prefix: str, plan: str
) -> None:
    sql = subscriber_queries.SELECT_SUBSCRIBERS_BY_EMAIL
    parameters = {"shop_id": big_shop, "popup_id": None, "active": None, "email_after": "", "limit": 101}
    nodes = plan_of(database, sql, plan, **parameters, **email_bounds(prefix))
    assert [node.split()[0] for node in nodes] == ["Limit", "Index"]


@pytest.mark.parametrize(
    "sql", [popup_queries.SELECT_POPUPS, discount_code_queries.SELECT_DISCOUNT_CODES], ids=["popups", "discount codes"]
)
def test_other_lists_stay_quick(database: Database, shop: Shop, sql: str) -> None:
    created_at, id_ = NEWEST
    parameters = {"status": None} if ":status" in sql else {"is_active": None}
    plan_of(
        database, sql, "generic", shop_id=shop.id, before_created_at=created_at, before_id=id_, limit=101, **parameters
    )
