"""Recount: make every tally of a shop what its stored events say. Safe to run at any time, and twice.

Functions of two releases that run at once, during a deployment or after a rollback, may tally what the others do not
know of; and a release that tallies more finds events of before. Only days are counted of which every event is still
stored. In batches that commit separately and keep nobody waiting.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import click
from pg8000.core import CoreConnection

from cli.batches import limited, run_batch, unlimited
from cli.progress import progress
from cli.schema.migrate import alone
from cli.schema.partitions import months_of
from cli.upkeep import recount_statements as sql
from cli.upkeep import recount_stretches as stretches
from cli.upkeep.pending_erasures import finish_erasures
from common import cache
from common.cache import keys
from common.postgres.driver import Connection
from common.shop import orders
from common.shop.event_ids import DOUBT_SECONDS, MAX_AGE_SECONDS

BATCH_VIEWS = 2000
"""Views whose viewers are updated, and locked, at once."""

COUNTED = ("popup_views", "popup_conversions")
"""The events of which tallies are counted: exposures and closes name nobody, and are younger."""

LATE = timedelta(seconds=MAX_AGE_SECONDS + DOUBT_SECONDS, days=2)
"""How long after its id's month an event may have come; and a day is one in any time zone."""

Work = list[partial[int]]


def recount(raw: CoreConnection, shop_id: str | None, *, say: Callable[[str], None] = print) -> int:
    """Recount one shop, or all. Return how many tallies were changed. Raises ClickException for an unknown shop."""
    with alone(raw, say), limited(raw) as connection, unlimited(raw):
        shops = connection.fetch_all(sql.SELECT_SHOPS, shop_id=shop_id)
        if shop_id is not None and not shops:
            raise click.ClickException(f"There is no shop {shop_id}")
        finish_erasures(connection, say)
        since = first_whole_day(raw)
        return sum(_recount_shop(connection, {**shop, "since": since}) for shop in shops)


def recount_viewers_of_shop(raw: CoreConnection, shop_id: str) -> int:
    """Recount who saw any of the shop's popups, some of which are gone. Return how many tallies were changed."""
    connection = Connection(raw)
    (shop,) = connection.fetch_all(sql.SELECT_SHOPS, shop_id=shop_id)
    popups, days = _popups_and_days(connection, shop := {**shop, "since": first_whole_day(raw)})
    with unlimited(raw):
        return _run(shop, popups, *_of_shop(connection, shop, popups, days))


def first_whole_day(raw: CoreConnection) -> date:
    """Return the day since which every event is stored, in any time zone."""
    first_month = max(month for table in COUNTED for month in months_of(raw, table)[:1])
    return (datetime(first_month.year, first_month.month, 1, tzinfo=UTC) + LATE).date()


def _recount_shop(connection: Connection, shop: dict[str, Any]) -> int:
    popups, days = _popups_and_days(connection, shop)
    viewers, tallies = _of_shop(connection, shop, popups, days)
    for popup_id in popups:
        own_viewers, own_tallies = _of_popup(connection, shop, popup_id, days[popup_id])
        viewers += own_viewers
        tallies += own_tallies
    viewers += _of_stretches(connection, shop, days)
    tallies.append(partial(_change, connection, sql.TALLY_CODES_OF_POOLS, shop_id=shop["shop_id"]))
    known = {"shop_id": shop["shop_id"], "known_days": stretches.KNOWN_DAYS}
    tallies.append(partial(_change, connection, stretches.TALLY_STRETCHES, **known))
    # Whoever bought is a mark on the viewers' rows: the orders come between these and what is tallied of them.
    return _run(shop, popups, viewers, [*_of_orders(connection, shop), *tallies])


def _of_orders(connection: Connection, shop: dict[str, Any]) -> Work:
    """Make orders of what a release without them has stored, credit all again, and make each day's tallies theirs."""
    own, whole_since = (connection, shop["shop_id"]), shop["since"] + timedelta(days=orders.MAX_WINDOW_DAYS)
    ranges = orders.fetch_ranges(*own)
    adopted = [partial(orders.adopt_purchases, *own, each) for each in ranges]
    credited = [partial(orders.credit_range, *own, each, whole_since) for each in ranges]
    return [*adopted, *credited, partial(_retally_orders, *own)]


def _retally_orders(connection: Connection, shop_id: str) -> int:
    days = orders.fetch_days(connection, shop_id)
    return sum(run_batch(partial(orders.retally_day, connection, shop_id, day)) for day in days)


def _of_stretches(connection: Connection, shop: dict[str, Any], days: dict[Any, dict[date, int]]) -> Work:
    """Let viewers of which only the events tell enter the stretches that were open then."""
    work: Work = []
    for stretch in stretches.fetch_stretches(connection, shop["shop_id"], datetime.now(UTC)):
        own = {**shop, **stretch._asdict()}
        work.append(partial(connection.execute, stretches.BEGIN_STRETCH, **_named(stretches.BEGIN_STRETCH, own)))
        for day, views in days.get(stretch.popup_id, {}).items():
            if stretch.may_have(day):
                work += _parts(connection, stretches.ENTER_VIEWERS, {**own, "day": day}, views)
    return work


def _run(shop: dict[str, Any], popups: list[Any], viewers: Work, tallies: Work) -> int:
    """Do the work and return how many tallies were changed.

    A viewer's first day is known when all days are: the viewers of every day come before the tallies of any.
    """
    changed = 0
    with progress(None, shop["shop_id"], len(viewers) + len(tallies)) as bar:
        for batch in viewers:
            run_batch(batch)
            bar.update(1)
        for batch in tallies:
            changed += run_batch(batch)
            bar.update(1)
    cache.forget(keys.shop_stats(shop["shop_id"]), *map(keys.popup_stats, popups))
    return changed


def _popups_and_days(connection: Connection, shop: dict[str, Any]) -> tuple[list[Any], dict[Any, dict[date, int]]]:
    popups = [row["popup_id"] for row in connection.fetch_all(sql.SELECT_POPUPS, shop_id=shop["shop_id"])]
    return popups, {popup_id: _days(connection, shop, popup_id) for popup_id in popups}


def _days(connection: Connection, shop: dict[str, Any], popup_id: Any) -> dict[date, int]:
    """Return the days on which the popup has something to count, in order, and their numbers of views."""
    given = {name: shop[name] for name in ("shop_id", "time_zone", "since")}
    rows = connection.fetch_all(sql.SELECT_DAYS, popup_id=popup_id, **given)
    return {row["day"]: row["views"] for row in rows}


def _of_popup(connection: Connection, shop: dict[str, Any], popup_id: Any, days: dict[date, int]) -> tuple[Work, Work]:
    viewers: Work = []
    tallies: Work = []
    for day, views in days.items():
        own = {**shop, "popup_id": popup_id, "day": day}
        viewers += _parts(connection, sql.UPDATE_VIEWERS_OF_POPUP, own, views)
        viewers += _parts(connection, sql.UPDATE_CONVERTERS_OF_POPUP, own, views)
        tallies.append(partial(_change, connection, sql.TALLY_VIEWS_OF_POPUP, **own))
        tallies.append(partial(_change, connection, sql.TALLY_CONVERSIONS, **own))
    return viewers, tallies


def _of_shop(
    connection: Connection, shop: dict[str, Any], popups: list[Any], days: dict[Any, dict[date, int]]
) -> tuple[Work, Work]:
    viewers: Work = []
    tallies: Work = []
    tallied = connection.fetch_all(sql.SELECT_DAYS_OF_SHOP, shop_id=shop["shop_id"], since=shop["since"])
    for day in sorted({day for own in days.values() for day in own} | {row["day"] for row in tallied}):
        own = {**shop, "popup_ids": popups, "day": day}
        views = sum(each.get(day, 0) for each in days.values())
        viewers += _parts(connection, sql.SEPARATE_FIRST_POPUPS, own, views)
        viewers += _parts(connection, sql.UPDATE_VIEWERS_OF_SHOP, own, views)
        viewers += _parts(connection, sql.UPDATE_CONVERTERS_OF_SHOP, own, views)
        tallies.append(partial(_change, connection, sql.TALLY_VIEWS_OF_SHOP, **own))
    return viewers, tallies


def _parts(connection: Connection, statement: str, given: dict[str, Any], views: int) -> Iterator[partial[int]]:
    """Yield a day's update of viewers in parts of about BATCH_VIEWS, by the last bits of the viewers' hashes."""
    mask = (1 << max(0, (views // BATCH_VIEWS).bit_length())) - 1
    for part in range(mask + 1):
        yield partial(connection.execute, statement, **_named(statement, {**given, "mask": mask, "part": part}))


def _change(connection: Connection, statement: str, **given: Any) -> int:
    (row,) = connection.fetch_all(statement, **_named(statement, given))
    return int(row["changed"])


def _named(statement: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that the statement has."""
    return {name: value for name, value in given.items() if f":{name}" in statement}
