"""Sending events as storefronts do, many at once, and the plain recount that the tallies must equal."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, TypeVar

import requests

from tests.support.client import request
from tests.support.stack import Database, FunctionProcess

T = TypeVar("T")

HOLDOUT = "holdout"


def send(function: FunctionProcess, body: Any, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return request("POST", function.url, json=body, headers=named, timeout=30)


def send_each(jobs: Iterable[tuple[FunctionProcess, Any]], senders: int = 32) -> list[requests.Response]:
    """Send each job's event, by so many senders at once; return the answers in the order of the jobs."""
    return at_once([lambda job=job: send(*job) for job in jobs], senders)  # type: ignore[misc]


def at_once(calls: Iterable[Callable[[], T]], threads: int = 32) -> list[T]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda call: call(), calls))


def statuses(answers: Iterable[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def stored_views(database: Database, popup_id: str) -> int:
    return int(database.value("SELECT count(*) FROM popup_views WHERE popup_id = :id", id=popup_id))


def tallied_views(database: Database, popup_id: str) -> int:
    return int(database.value("SELECT coalesce(sum(views), 0) FROM daily_views WHERE popup_id = :id", id=popup_id))


def assert_tallies_equal_events(database: Database, shop_id: str) -> None:
    """Every tally of the shop is what its stored events add up to, and there is no other."""
    assert tallied(database, shop_id) == recount(database, shop_id)


def recount(database: Database, shop_id: str) -> dict[str, Any]:
    """Return what `tallied` should return, from the events alone."""
    views = database(
        """
        SELECT popup_id, (viewed_at AT TIME ZONE time_zone)::date AS day, coalesce(variant_id, '') AS variant,
            coalesce(device_type, '') AS device, coalesce(visitor_id, session_id) AS viewer
        FROM popup_views JOIN shops ON shops.id = shop_id
        WHERE shop_id = :shop_id
        """,
        shop_id=shop_id,
    )
    conversions = database(
        """
        SELECT popup_id, (converted_at AT TIME ZONE time_zone)::date AS day, coalesce(variant_id, '') AS variant,
            coalesce(device_type, '') AS device, type, coalesce(popup_conversions.currency, '') AS currency,
            coalesce(revenue, 0) AS revenue, coalesce(visitor_id, session_id) AS viewer
        FROM popup_conversions JOIN shops ON shops.id = shop_id
        WHERE shop_id = :shop_id
        """,
        shop_id=shop_id,
    )
    viewers = {(row["popup_id"], row["variant"] == HOLDOUT, row["viewer"]) for row in views}
    shop_viewers = {viewer for _, holdout, viewer in viewers if not holdout}
    converters = {
        (row["popup_id"], row["variant"] == HOLDOUT, row["viewer"], row["type"])
        for row in conversions
        if row["type"] != "purchase"
    }
    days = {(row["popup_id"], row["variant"] == HOLDOUT, row["viewer"], row["day"]) for row in views}
    revenue: Any = Counter()  # of amounts, where the type says numbers of something
    for row in conversions:
        revenue[tuple(row.values())[:6]] += Decimal(row["revenue"])
    return {
        "views": Counter(tuple(row.values())[:4] for row in views),
        "viewers": Counter((popup_id, holdout) for popup_id, holdout, _ in viewers),
        "shop_viewers": len(shop_viewers),
        "converters": Counter((popup_id, holdout, type_) for popup_id, holdout, viewer, type_ in converters
                              if (popup_id, holdout, viewer) in viewers),
        "shop_converters": Counter(type_ for viewer, type_ in {(each[2], each[3]) for each in converters if not each[1]}
                                   if viewer in shop_viewers),
        "shop_returns": len({(viewer, day) for _, holdout, viewer, day in days if not holdout}) - len(shop_viewers),
        "returns": sum(Counter((popup_id, holdout) for popup_id, holdout, _, _ in days).values()) - len(viewers),
        "conversions": Counter(tuple(row.values())[:6] for row in conversions),
        "revenue": revenue,
    }  # fmt: skip


NO_POPUP = "00000000-0000-0000-0000-000000000000"


def tallied(database: Database, shop_id: str) -> dict[str, Any]:
    """Return what the statements that insert events have tallied."""
    views = database("SELECT * FROM daily_views WHERE shop_id = :shop_id", shop_id=shop_id)
    conversions = database("SELECT * FROM daily_conversions WHERE shop_id = :shop_id", shop_id=shop_id)
    shop_viewers = database("SELECT viewers FROM daily_shop_viewers WHERE shop_id = :shop_id", shop_id=shop_id)
    viewers: Counter[Any] = Counter()
    for row in views:
        viewers[row["popup_id"], row["variant_id"] == HOLDOUT] += row["viewers"]
    converters: Counter[Any] = Counter()
    shop_converters: Counter[Any] = Counter()
    for row in database(
        "SELECT * FROM daily_converters WHERE shop_id = :shop_id AND type <> 'purchase'", shop_id=shop_id
    ):
        if str(row["popup_id"]) == NO_POPUP:
            shop_converters[row["type"]] += row["converters"]
        else:
            converters[row["popup_id"], row["variant_id"] == HOLDOUT, row["type"]] += row["converters"]
    returns = (
        "SELECT coalesce(sum(viewers), 0)::bigint FROM daily_returns WHERE shop_id = :shop_id AND (popup_id = :nil)"
    )
    return {
        "views": Counter({tuple(row.values())[1:5]: row["views"] for row in views}),
        "viewers": viewers,
        "shop_viewers": sum(row["viewers"] for row in shop_viewers),
        "converters": converters,
        "shop_converters": shop_converters,
        "returns": database.value(f"{returns} IS FALSE", shop_id=shop_id, nil=NO_POPUP),
        "shop_returns": database.value(returns, shop_id=shop_id, nil=NO_POPUP),
        "conversions": Counter({tuple(row.values())[1:7]: row["conversions"] for row in conversions}),
        "revenue": Counter({tuple(row.values())[1:7]: Decimal(row["revenue"]) for row in conversions}),
    }
