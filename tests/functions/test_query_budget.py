"""How often a call of the merchant's API asks Postgres, and that no list has to read what it does not show."""

import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from math import inf
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from pg8000.native import to_statement

from common.shop import api_keys
from functions.manage_popups.discount_codes import queries as discount_code_queries
from functions.manage_popups.main import function as manage_popups_function
from functions.manage_popups.popups import queries as popup_queries
from functions.manage_popups.rest.paging import MAX_PAGE_BYTES, NEWEST
from functions.manage_popups.subscribers import queries as subscriber_queries
from functions.manage_popups.subscribers.handlers import email_bounds
from tests.support.client import Client
from tests.support.factories import Shop, capture, make_discount_code, make_popup, make_shop, order_source_ids
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import Database, FunctionProcess, Stack, create_database, open_database

SUBSCRIBERS = 300_000
# What a page of 101 rows may read, of a table of some 7000 blocks. A time would tell how busy the machine is.
MAX_BLOCKS = 500
MOST_ROUND_TRIPS = 3
# The attempt to claim the key, its rollback, and the stored answer.
REPLAY_ROUND_TRIPS = 3
COUNTED_CALLS = 3
MOST_CALLS = 10
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


def round_trips(proxy: Proxy, act: Act) -> int:
    """Of a call whose statements are prepared and whose key was checked a moment ago.

    A key is checked again after FRESH_SECONDS, which is a round trip more: of two calls within that time in one. And
    what a busy machine sends in two pieces may be answered in two. So of several calls the fewest count.
    """

    def counted() -> int:
        proxy.reset()
        answer = act()
        assert answer.ok, answer.text
        return proxy.round_trips

    for _ in range(2):
        assert act().ok
    counts: list[int] = []
    started, is_sure = -inf, False
    while len(counts) < MOST_CALLS - 2:
        before, started = started, time.monotonic()
        counts.append(counted())
        is_sure |= time.monotonic() - before < api_keys.FRESH_SECONDS
        if is_sure and len(counts) >= COUNTED_CALLS:
            break
    assert is_sure, "the machine is too busy to count"
    return min(counts)


class Calls:
    """Every call of the API, to be made MOST_CALLS times."""

    def __init__(self, merchant: Client, database: Database, shop: Shop, track_conversion: FunctionProcess) -> None:
        self._merchant, self._database, self._track_conversion = merchant, database, track_conversion
        self._numbers = itertools.count()
        self.code_id = make_discount_code(database, shop)
        self.spare_codes = [make_discount_code(database, shop) for _ in range(2 * MOST_CALLS)]
        self.pool_id = make_discount_code(database, shop, codes=[f"A-{uuid.uuid4()}"])
        self.offer = {"type": "discount", "discount_code_id": self.code_id}
        self.offering = make_popup(database, shop)
        self.deleted_popups = [make_popup(database, shop, offer=self.offer) for _ in range(3 * MOST_CALLS)]
        database("UPDATE popups SET deleted_at = now() WHERE id = ANY (:ids::uuid[])", ids=self.deleted_popups)
        # What a call removes is made before, past the counting.
        self.popup_id, *self.spare_popups = [self._make("/popups", name="x") for _ in range(MOST_CALLS + 1)]
        self.spare_keys = [self._make("/api-keys", rights="read") for _ in range(MOST_CALLS)]
        self._spare = itertools.count()
        self.source = order_source_ids(database, shop)
        self.spare_sources = [order_source_ids(database, shop) for _ in range(MOST_CALLS)]
        self.spare_orders = [self._order(f"spare-{number}") for number in range(MOST_CALLS)]
        self.subscriber_id, *self.spare_subscribers = [self._subscriber() for _ in range(MOST_CALLS + 1)]

    def _make(self, path: str, **body: Any) -> str:
        answer = self._merchant.post(path, body)
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def _order(self, order_id: str) -> str:
        answer = self._merchant.post("/orders", {"order_id": order_id, "revenue": "1", "currency": "USD"})
        assert answer.ok, answer.text
        return order_id

    def _subscriber(self) -> str:
        email = f"{uuid.uuid4().hex}@example.com"
        assert Client(self._track_conversion).post(json=capture(self.offering, email)).ok
        return str(self._database.value("SELECT id FROM email_subscribers WHERE email = :email", email=email))

    def other_than_writing_posts(self) -> dict[str, tuple[Act, int]]:
        """Each call and the round trips it makes."""
        get, patch, delete = self._merchant.get, self._merchant.patch, self._merchant.delete
        popup, code = f"/popups/{self.popup_id}", f"/discount-codes/{self.code_id}"
        source = f"/order-sources/{self.source['source_id']}"
        return {
            "GET /popups": (lambda: get("/popups"), 1),
            "GET /popups/{popup_id}": (lambda: get(popup), 1),
            "PATCH /popups/{popup_id}": (
                lambda: patch(popup, {"priority": next(self._numbers), "offer": self.offer}),
                3,
            ),
            "DELETE /popups/{popup_id}": (lambda: delete(f"/popups/{self.spare_popups.pop()}"), 3),
            "GET /popups/{popup_id}/history": (lambda: get(f"{popup}/history"), 1),
            "GET /popups/{popup_id}/explain": (lambda: get(f"{popup}/explain?url=/&visitor=v"), 2),
            "GET /key": (lambda: get("/key"), 1),
            "POST /explain": (lambda: self._merchant.post("/explain", {"url": "/"}), 2),
            "POST /explain?draft": (lambda: self._merchant.post("/explain", {"popup": {"name": "x"}}), 1),
            "GET /discount-codes": (lambda: get("/discount-codes"), 1),
            "GET /discount-codes/{code_id}": (lambda: get(code), 1),
            "PATCH /discount-codes/{code_id}": (lambda: patch(code, {"value": "2"}), 3),
            "DELETE /discount-codes/{code_id}?If-Match": (
                lambda: delete(f"/discount-codes/{self.spare_codes.pop()}", headers={"If-Match": "*"}),
                3,
            ),
            "DELETE /discount-codes/{code_id}": (lambda: delete(f"/discount-codes/{self.spare_codes.pop()}"), 1),
            "GET /subscribers": (lambda: get("/subscribers"), 1),
            "GET /subscribers?email=": (lambda: get("/subscribers?email=a"), 1),
            "GET /subscribers.csv": (lambda: get("/subscribers.csv"), 1),  # and one for each further 1000 rows
            "GET /subscribers/{subscriber_id}": (lambda: get(f"/subscribers/{self.subscriber_id}"), 2),
            "DELETE /subscribers/{subscriber_id}": (
                lambda: delete(f"/subscribers/{self.spare_subscribers.pop()}"),
                3,  # and two for each further 1000 events
            ),
            "GET /orders": (lambda: get("/orders"), 1),
            "DELETE /orders/{order_id}": (lambda: delete(f"/orders/{self.spare_orders.pop()}"), 1),
            "GET /order-sources": (lambda: get("/order-sources"), 1),
            "PATCH /order-sources/{source_id}": (lambda: patch(source, {"secrets": [f"k{next(self._numbers)}"]}), 2),
            "GET /order-sources/{source_id}/requests": (lambda: get(f"{source}/requests"), 1),
            "DELETE /order-sources/{source_id}/requests/{request_id}": (
                lambda: delete(
                    "/order-sources/{source_id}/requests/{request_id}".format(**self.spare_sources[next(self._spare)])
                ),
                1,
            ),
            "DELETE /order-sources/{source_id}": (
                lambda: delete(f"/order-sources/{self.spare_sources.pop()['source_id']}"),
                1,
            ),
            "GET /shop": (lambda: get("/shop"), 1),
            "PATCH /shop": (lambda: patch("/shop", {"name": f"Shop {next(self._numbers)}"}), 2),
            "GET /api-keys": (lambda: get("/api-keys"), 1),
            "DELETE /api-keys/{key_id}": (lambda: delete(f"/api-keys/{self.spare_keys.pop()}"), 1),
        }

    def posts(self) -> dict[str, tuple[str | Callable[[], str], Any, int, int]]:
        """Each route's address (or what makes one for each call) and body, and its round trips.

        Without an Idempotency-Key, and with a new one.
        """
        # More than 8 KiB would leave in pieces, and the server's answers in between would look like more round trips.
        popup, subscriber = f"/popups/{self.popup_id}", f"/subscribers/{self.subscriber_id}"
        return {
            "POST /popups": ("/popups", {"name": "x", "offer": self.offer}, 1, 2),
            "POST /popups/{popup_id}/duplicate": (f"{popup}/duplicate", None, 2, 3),
            "POST /popups/{popup_id}/rollback": (f"{popup}/rollback", {"version": 1}, 2, 3),
            "POST /popups/{popup_id}/restore": (lambda: f"/popups/{self.deleted_popups.pop()}/restore", None, 2, 3),
            "POST /discount-codes": ("/discount-codes", {"type": "fixed", "value": "1"}, 1, 2),
            "POST /discount-codes/{code_id}/codes": (f"/discount-codes/{self.pool_id}/codes", {"count": 100}, 1, 2),
            "POST /discount-codes/{code_id}/release": (f"/discount-codes/{self.pool_id}/release", None, 2, 3),
            "POST /subscribers/{subscriber_id}/unsubscribe": (f"{subscriber}/unsubscribe", None, 1, 2),
            "POST /order-sources": ("/order-sources", {"platform": "shopify", "secrets": ["k"]}, 1, 2),
            "POST /orders": ("/orders", {"order_id": "1", "revenue": "1", "currency": "USD"}, 2, 3),
            "POST /orders/{order_id}/refunds": (
                "/orders/1/refunds",
                {"refund_id": "1", "amount": "1", "currency": "USD"},
                1,
                2,
            ),
            "POST /api-keys": ("/api-keys", {"rights": "read"}, 1, 2),
        }


@pytest.fixture(scope="module")
def calls(merchant: Client, database: Database, shop: Shop, track_conversion: FunctionProcess) -> Calls:
    return Calls(merchant, database, shop, track_conversion)


def test_every_call_but_a_writing_post_keeps_to_its_round_trips(merchant: Client, proxy: Proxy, calls: Calls) -> None:
    table = calls.other_than_writing_posts()
    made = {name: round_trips(proxy, act) for name, (act, _) in table.items()}
    assert made == {name: trips for name, (_, trips) in table.items()}
    assert max(made.values()) <= MOST_ROUND_TRIPS


NEW_KEYS = iter(lambda: str(uuid.uuid4()), "")


def posting(merchant: Client, paths: Iterator[str], body: Any, keys: Iterator[str]) -> Act:
    return lambda: merchant.post(next(paths), body, headers={"Idempotency-Key": next(keys)})


def test_every_post_keeps_to_its_round_trips_with_and_without_an_idempotency_key(
    merchant: Client, proxy: Proxy, calls: Calls, database: Database, shop: Shop
) -> None:
    # A shop has 20 at most.
    database("DELETE FROM order_sources WHERE shop_id = :id", id=shop.id)
    for name, (path, body, plain, with_key) in calls.posts().items():
        paths = itertools.repeat(path) if isinstance(path, str) else iter(path, "")
        again = itertools.repeat(next(paths)), body, itertools.repeat(next(NEW_KEYS))
        made = [
            round_trips(proxy, lambda: merchant.post(next(paths), body)),  # noqa: B023
            round_trips(proxy, posting(merchant, paths, body, NEW_KEYS)),
            round_trips(proxy, posting(merchant, *again)),
        ]
        assert made == [plain, with_key, REPLAY_ROUND_TRIPS], name
        assert max(made) <= MOST_ROUND_TRIPS


def test_no_route_is_missing_here(calls: Calls) -> None:
    counted = {name.partition("?")[0] for name in (*calls.other_than_writing_posts(), *calls.posts())}
    assert counted == {f"{endpoint.method} {endpoint.template}" for endpoint in manage_popups_function.endpoints}


def test_a_list_of_100_popups_is_one_round_trip(merchant: Client, proxy: Proxy, database: Database, shop: Shop) -> None:
    for _ in range(100):
        make_popup(database, shop)
    assert round_trips(proxy, lambda: merchant.get("/popups?limit=100")) == 1
    assert len(merchant.get("/popups?limit=100").json()["popups"]) == 100


@pytest.fixture(scope="module")
def crowd(stack: Stack) -> Iterator[Database]:
    """Yield a database of its own, for a shop with many subscribers."""
    with open_database(create_database(stack.postgres, f"crowd-{uuid.uuid4().hex[:8]}")) as opened:
        yield opened


@pytest.fixture(scope="module")
def big_shop(crowd: Database) -> str:
    """Return the id of a shop with many subscribers, a hundredth of them of one popup.

    The indexes are made after the rows, in a quarter of the time.
    """
    shop = make_shop(crowd)
    popups = [make_popup(crowd, shop) for _ in range(2)]
    made_anew = without_indexes(crowd, "email_subscribers")
    crowd("ALTER TABLE email_subscribers SET UNLOGGED")
    crowd("SET maintenance_work_mem = '256MB'")
    crowd(
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
    for statement in made_anew:
        crowd(statement)
    crowd("VACUUM ANALYZE email_subscribers")
    return shop.id


def without_indexes(database: Database, table: str) -> list[str]:
    """Drop the table's constraints and indexes; return the statements that create them again."""
    dropped = []
    for row in database(
        "SELECT conname AS name, pg_get_constraintdef(oid) AS made FROM pg_constraint"
        " WHERE conrelid = :table::regclass AND contype IN ('p', 'u', 'f')",
        table=table,
    ):
        dropped.append(f"ALTER TABLE {table} ADD CONSTRAINT {row['name']} {row['made']}")
        database(f"ALTER TABLE {table} DROP CONSTRAINT {row['name']}")
    for row in database(
        "SELECT indexname AS name, indexdef AS made FROM pg_indexes WHERE tablename = :table", table=table
    ):
        dropped.append(row["made"])
        database(f"DROP INDEX {row['name']}")
    return dropped


@pytest.fixture(params=["first page", "deep page"])
def place(request: pytest.FixtureRequest, big_shop: str, crowd: Database) -> dict[str, Any]:
    """Return the parameters of a page of the newest, or of one in the middle of all."""
    created_at, id_ = NEWEST
    if request.param == "deep page":
        (row,) = crowd(
            "SELECT created_at, id FROM email_subscribers WHERE shop_id = :id ORDER BY created_at OFFSET :skip LIMIT 1",
            id=big_shop,
            skip=SUBSCRIBERS // 2,
        )
        created_at, id_ = row["created_at"], row["id"]
    return {"shop_id": big_shop, "before_created_at": created_at, "before_id": id_, "limit": 101}


def plan_of(database: Database, sql: str, plan: str, **parameters: Any) -> list[str]:
    """Return the nodes of a plan made once for all parameters ("generic") or for these ("custom"); check its reads."""
    database(f"SET plan_cache_mode = force_{plan}_plan")
    try:
        statement, in_order = to_statement(sql)
        values = in_order(parameters)
        name = f"explained_{uuid.uuid4().hex}"
        database(f"PREPARE {name} AS {statement}")
        literals = ", ".join("NULL" if value is None else f"'{value}'" for value in values)
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name}({literals})"
        (explained,) = database(explain)[0]["QUERY PLAN"]
    finally:
        database("SET plan_cache_mode = auto")
    plan_read = explained["Plan"]
    assert plan_read["Shared Hit Blocks"] + plan_read["Shared Read Blocks"] <= MAX_BLOCKS, explained
    return nodes_of(plan_read)


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
    crowd: Database, place: dict[str, Any], which: str, plan: str
) -> None:
    sql, parameters = LISTS[which]
    nodes = plan_of(crowd, sql, plan, **place, **parameters)
    assert [node.split()[0] for node in nodes] == ["Limit", "Index"]


@pytest.mark.parametrize("plan", ["generic", "custom"])
def test_the_subscribers_of_a_popup_are_found_by_an_index(crowd: Database, place: dict[str, Any], plan: str) -> None:
    for popup in crowd("SELECT id FROM popups WHERE shop_id = :id", id=place["shop_id"]):
        sql = subscriber_queries.SELECT_SUBSCRIBERS_OF_POPUP
        nodes = plan_of(crowd, sql, plan, **place, popup_id=popup["id"], active=None)
        assert [node.split()[0] for node in nodes] == ["Limit", "Index"]


@pytest.mark.parametrize("plan", ["generic", "custom"])
@pytest.mark.parametrize("prefix", ["a", "a87f", "a87ff679a2f3e71d9181a67b7542122c@example.com"])
def test_a_search_by_address_reads_only_those_that_start_so(
    crowd: Database, big_shop: str, prefix: str, plan: str
) -> None:
    sql = subscriber_queries.SELECT_SUBSCRIBERS_BY_EMAIL
    parameters = {"shop_id": big_shop, "popup_id": None, "active": None, "email_after": "", "limit": 101}
    nodes = plan_of(crowd, sql, plan, **parameters, **email_bounds(prefix))
    assert [node.split()[0] for node in nodes] == ["Limit", "Index"]


@pytest.mark.parametrize(
    "sql", [popup_queries.SELECT_POPUPS, discount_code_queries.SELECT_DISCOUNT_CODES], ids=["popups", "discount codes"]
)
def test_other_lists_stay_quick(database: Database, shop: Shop, sql: str) -> None:
    created_at, id_ = NEWEST
    of_popups = {"status": None, "search": "x", "most_bytes": MAX_PAGE_BYTES}
    parameters = of_popups if ":status" in sql else {"is_active": None}
    plan_of(
        database, sql, "generic", shop_id=shop.id, before_created_at=created_at, before_id=id_, limit=101, **parameters
    )
