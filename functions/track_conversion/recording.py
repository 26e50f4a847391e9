"""Records conversions and their tallies, in batches of one autocommitted statement each."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from common import cache, logs, postgres
from common.cache import keys
from common.ids import new_id
from common.postgres import Duplicate, GroupCommit, LostRace, retry_lost_races
from common.process.bounded import Memory
from common.process.per_process import per_process
from common.shop.blanks import trimmed
from common.shop.emails import canonical, normalized, other_spellings
from common.shop.events import NO_POPUP, as_json_row, forget_stats, insert_events
from common.shop.orders import credit_late
from common.shop.plain_events import insert_plain_first, not_plain_popups
from functions.track_conversion.order_events import by_shop, insert_for_shop, makes_orders
from functions.track_conversion.queries import (
    ENTER_STORED_CONVERSIONS,
    INSERT_CONVERSIONS,
    INSERT_PLAIN_CONVERSIONS,
    ConversionOutcome,
    ConversionRow,
)

PLAIN_TYPES = ("click", "email_capture")
# The second try finds the rows to which the first lost a race; a third needs another such race at once.
MAX_TRIES = 5
# A shop's exhausted budget is logged once in this time, however many requests are refused.
SECONDS_BETWEEN_WARNINGS = 600


async def record_conversion(conversion: dict[str, Any], origin: str | None, network: str) -> ConversionOutcome:
    """Store a conversion from this network, and tally it if it is new.

    Return its `refusal` (a code, or None), `conversion_id`, `issued_code` (as the answer shows it, or None) and
    `is_new`. The conversion is committed on return. Raises DatabaseUnavailable; a retry is safe.
    """
    (recorded,) = await _writer().submit([_as_row(conversion, origin, network)])
    return recorded


@per_process
def _writer() -> GroupCommit[ConversionRow, ConversionOutcome]:
    return GroupCommit(_insert_conversions)


def _insert_conversions(conversions: list[ConversionRow]) -> list[ConversionOutcome]:
    """Commit the conversions. Return the row of each.

    Raises LostRace if one of them loses its races MAX_TRIES times; group commit then isolates it from the others.
    """
    recorded: dict[int, ConversionOutcome] = {}
    for _ in range(MAX_TRIES):
        waiting: list[ConversionRow] = [
            {**conversion, "position": position}
            for position, conversion in enumerate(conversions)
            if position not in recorded
        ]
        rows = _try_insert(waiting)
        recorded |= {row["position"]: row for row in rows if row["refusal"] or row["conversion_id"]}
        forget_stats({(row["shop_id"], row["popup_id"]) for row in rows if row["shop_id"] and row["is_new"]})
        credit_late({row["shop_id"] for row in rows if row["shop_id"] and row["has_late"]})
        stopping = {row["shop_id"] for row in rows if row["shop_id"] and row["is_new"] and row["may_stop"]}
        cache.forget_soon(*map(keys.active_popups, stopping))
        _warn({(row["shop_id"], row["met_budget"]) for row in rows if row["shop_id"] and row["met_budget"]})
        if len(recorded) == len(conversions):
            return [recorded[position] for position in range(len(conversions))]
    raise LostRace()


def _warn(exhausted: set[tuple[str, str]]) -> None:
    """Log exhausted budgets, as (shop_id, budget), for the operator; the API reports them to the merchant."""
    now = time.monotonic()
    for shop_id, budget in exhausted:
        name = f"{shop_id} {budget}"
        last = _warned().get(name)
        if last is None or now >= last + SECONDS_BETWEEN_WARNINGS:
            _warned().put(name, now)
            logs.write("WARNING", "A shop's budget for codes is met", shop_id=shop_id, budget=budget)


@per_process
def _warned() -> Memory[str, float]:
    return Memory(1000)


def _try_insert(conversions: list[ConversionRow]) -> list[ConversionOutcome]:
    """Return the rows of the conversions; a transaction for those of each shop that make orders, one for the others."""
    of_orders = [row for row in conversions if makes_orders(row)]
    others = [row for row in conversions if not makes_orders(row)]
    rows = []
    if of_orders:
        with postgres.connection() as connection:
            grouped = by_shop(connection, of_orders)
            others += grouped.pop("", [])
            for shop_id, of_shop in sorted(grouped.items()):
                rows += _unless_duplicate(partial(insert_for_shop, connection, shop_id, of_shop))
    if others:
        rows += insert_plain_first(others, _looks_plain, _not_plain_popups(), _insert)
    return rows


def _insert(conversions: list[ConversionRow], *, plain: bool) -> list[ConversionOutcome]:
    sql = INSERT_PLAIN_CONVERSIONS if plain else INSERT_CONVERSIONS
    return _unless_duplicate(partial(insert_events, conversions, ENTER_STORED_CONVERSIONS, sql))


def _looks_plain(conversion: ConversionRow) -> bool:
    """Return whether it names no code and has an id of about now; of the popup only Postgres knows."""
    return conversion["type"] in PLAIN_TYPES and not conversion["trimmed_code"] and "foreign_id" not in conversion


_not_plain_popups = per_process(not_plain_popups)


def _unless_duplicate(insert: Callable[[], list[ConversionOutcome]]) -> list[ConversionOutcome]:
    """Return what `insert` returns; no rows if it conflicted with a concurrent claim of the same code."""
    try:
        return retry_lost_races(insert)
    except Duplicate:
        return []


def _as_row(conversion: dict[str, Any], origin: str | None, network: str) -> ConversionRow:
    row: ConversionRow = as_json_row(
        {**conversion, "popup_id": conversion["popup_id"] or str(NO_POPUP)},
        origin=origin,
        network=network,
        trimmed_code=trimmed(conversion["discount_code"] or "") or None,
        **(_of_an_address(conversion["email"]) if conversion["email"] else _of_a_viewer(conversion)),
    )
    return row


def _of_an_address(email: str) -> dict[str, Any]:
    """Return the forms in which the address is compared, and the name under which its owner holds a pool's code."""
    form = normalized(email)
    assert form is not None, "the schema takes addresses only"
    others = other_spellings(form)
    return {
        "email_normalized": form,
        "new_subscriber_id": str(new_id()),
        "other_emails": others or None,
        "claimer": f"email:{canonical(form)}",
        "other_claimers": [f"email:{canonical(other)}" for other in others] or None,
    }


def _of_a_viewer(conversion: dict[str, Any]) -> dict[str, Any]:
    return {"email_normalized": None, "claimer": f"viewer:{conversion['visitor_id'] or conversion['session_id']}"}
