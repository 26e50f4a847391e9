"""Stores, withdraws, refunds and credits orders: each act is one transaction of one round trip."""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from common import cache, postgres
from common.cache import keys
from common.errors import DatabaseUnavailable
from common.ids import new_id
from common.shop.emails import normalized, other_spellings
from common.shop.events import forget_stats
from common.shop.orders import _comparing, _crediting, _storing
from common.shop.viewers_lock import LOCK_VIEWERS

# A day's shopping of a small shop; a batch of this size holds the shop's viewers for a fraction of a second.
BATCH_ORDERS = 500
MAX_REFUNDS = 1000
# How long a call waits for orders to be credited anew: enough for tens of thousands.
CREDITING_SECONDS = 1.0
EVER, NEVER = "-infinity", "infinity"


@dataclass(frozen=True)
class TrustedOrder:
    """An order as the shop's own server or its platform reports it; `source` is api, shopify or woocommerce.

    `aliases` are its other names. `codes` are trimmed. revenue and currency are None together.
    A `state` other than counted (test, cancelled) stores it as one that is never counted.
    """

    order_id: str
    source: str
    ordered_at: datetime.datetime
    revenue: Decimal | None = None
    currency: str | None = None
    codes: Sequence[str] = ()
    visitor_id: str | None = None
    email: str | None = None
    aliases: Sequence[str] = ()
    state: str = "counted"


@dataclass(frozen=True)
class Refund:
    """A part of an order that was paid back, unique by refund_id within the order."""

    order_id: str
    refund_id: str
    amount: Decimal
    currency: str
    refunded_at: datetime.datetime


@dataclass(frozen=True)
class Recorded:
    """What became of a report.

    `is_new` is False if it changed nothing. `popup_ids` are the popups whose figures it changed; `used_codes` is true
    if it used discount codes, so that popups may stop; `leaves_more` if `credit_waiting` has work to do.
    """

    is_new: bool
    popup_ids: frozenset[uuid.UUID] = field(default_factory=frozenset)
    used_codes: bool = False
    leaves_more: bool = False


@dataclass(frozen=True)
class RefundRecorded(Recorded):
    """Also why a new refund was not stored: the order's other `currency`, or `is_full`: it has MAX_REFUNDS."""

    currency: str | None = None
    is_full: bool = False


def record_order(connection: postgres.Connection, shop_id: str, order: TrustedOrder) -> Recorded:
    """Store a trusted report of an order, and credit it. A later report of the same order changes nothing.

    Raises DatabaseUnavailable; a retry is safe.
    """
    aliases = [alias for alias in dict.fromkeys(order.aliases) if alias != order.order_id]
    report = {"shop_id": shop_id, "order_id": order.order_id, "report_id": new_id(), "aliases": aliases}
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    if aliases:
        connection.queue(_storing.INSERT_ALIASES, **report)
    before = _open(connection, shop_id, [order.order_id, *aliases], reported_by="shop")
    new = connection.queue(_storing.STORE_TRUSTED_ORDER, **report, **_columns(order))
    if aliases:
        connection.queue(_storing.TAKE_ID, **report)
        connection.queue(_storing.MOVE_REFUNDS, **report)
        connection.queue(_storing.MOVE_CODES, **report)
    unconfirmed = connection.queue(_storing.CONFIRM_FROM_FIRST, **report)
    used = connection.queue(_storing.USE_CODES, **report)
    if aliases:
        connection.queue(_storing.COPY_CODES, **report)
    connection.queue(_crediting.RECOGNISE, shop_id=shop_id, visitor_id=order.visitor_id, emails=_spellings(order.email))
    after = settle(connection, shop_id)
    rows = connection.fetch_each()
    return Recorded(bool(rows[new]), popups_of(rows[before], *rows[after]), bool(rows[used]), bool(rows[unconfirmed]))


@dataclass(frozen=True)
class Reported:
    """Where `fetch_each` has what became of the orders that browsers reported."""

    before: int
    stored: int
    after: slice

    def read(self, rows: list[list[dict[str, Any]]]) -> tuple[frozenset[uuid.UUID], frozenset[uuid.UUID]]:
        """Return the popups whose figures have changed, and the conversions that report orders known before."""
        known = frozenset(row["conversion_id"] for row in rows[self.stored] if row["source"] != "browser")
        return popups_of(rows[self.before], *rows[self.after]), known


def queue_reported_orders(
    connection: postgres.Connection,
    shop_id: str,
    order_ids: Sequence[str],
    event_ids: Sequence[str],
    unnamed: Sequence[str],
) -> Reported:
    """Queue storing and crediting the orders of conversions that are stored in the same transaction.

    It holds LOCK_VIEWERS. `order_ids` are as reported; `event_ids` are the purchases', the others have named codes;
    `unnamed` are those of `event_ids` whose reports named no popup.
    """
    before = _open(connection, shop_id, order_ids, reported_by="browser")
    stored = connection.queue(
        _storing.STORE_REPORTED_ORDERS,
        shop_id=shop_id,
        event_ids=list(event_ids),
        unnamed=list(unnamed),
        is_credited_as_stored=False,
    )
    connection.queue(_storing.ADD_REPORTED_CODES, shop_id=shop_id, order_ids=list(order_ids))
    connection.queue(_crediting.RECOGNISE, shop_id=shop_id, visitor_id=None, emails=[])
    return Reported(before, stored, settle(connection, shop_id))


def delete_order(connection: postgres.Connection, shop_id: str, order_id: str) -> Recorded:
    """Take an order and its refunds out of every figure; `is_new` is False if there is none.

    Only a new report through the shop's own API brings it back.
    """
    return _withdraw(connection, shop_id, order_id, state="deleted", source=None)


def withdraw_order(
    connection: postgres.Connection, shop_id: str, order_id: str, *, state: str, source: str
) -> Recorded:
    """Take a `cancelled` or `test` order out of every figure; one that is not known yet will not be counted."""
    return _withdraw(connection, shop_id, order_id, state=state, source=source)


def record_refund(connection: postgres.Connection, shop_id: str, refund: Refund) -> RefundRecorded:
    """Store a refund on its own day, also before its order. The same refund_id again changes nothing."""
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    before = _open(connection, shop_id, [refund.order_id], reported_by="anybody")
    stored = connection.queue(
        _storing.INSERT_REFUND,
        shop_id=shop_id,
        order_id=refund.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        currency=refund.currency,
        refunded_at=refund.refunded_at,
        most=MAX_REFUNDS,
    )
    after = connection.queue(_crediting.TALLY_OPEN, shop_id=shop_id, sign=1)
    connection.queue(_crediting.CLOSE, shop_id=shop_id)
    rows = connection.fetch_each()
    (found,) = rows[stored]
    return RefundRecorded(
        found["is_new"],
        popups_of(rows[before], rows[after]),
        currency=found["currency"] if found["currency"] not in (None, refund.currency) else None,
        is_full=not found["is_known"] and found["refunds"] >= MAX_REFUNDS,
    )


def credit_waiting(connection: postgres.Connection, shop_id: str) -> Recorded:
    """Credit a batch of the shop's orders again: those before which a touch came late. `leaves_more`: call it again."""
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    waiting = connection.queue(_crediting.OPEN_WAITING, shop_id=shop_id, batch_orders=BATCH_ORDERS)
    before = connection.queue(_crediting.TALLY_OPEN, shop_id=shop_id, sign=-1)
    after = settle(connection, shop_id, whole_since=NEVER)
    rows = connection.fetch_each()
    return Recorded(
        bool(rows[waiting]), popups_of(rows[before], *rows[after]), leaves_more=len(rows[waiting]) == BATCH_ORDERS
    )


def credit_for_a_while(connection: postgres.Connection, shop_id: str) -> None:
    """Credit what waits for about CREDITING_SECONDS at most; later orders and `popups retain` go on with the rest."""
    deadline, leaves_more = time.monotonic() + CREDITING_SECONDS, True
    while leaves_more and time.monotonic() < deadline:
        recorded = credit_waiting(connection, shop_id)
        forget_figures(shop_id, recorded)
        leaves_more = recorded.leaves_more


def credit_late(shop_ids: set[str]) -> None:
    """Credit the orders of these shops again before which a touch has come late. A failure leaves them waiting."""
    for shop_id in sorted(shop_ids):
        with suppress(DatabaseUnavailable), postgres.connection() as connection:
            credit_for_a_while(connection, shop_id)


def forget_figures(shop_id: str, recorded: Recorded) -> None:
    """Drop the cached reports that a report has changed, and the served popups if they may have run out of codes."""
    if recorded.popup_ids:
        forget_stats({(shop_id, popup_id) for popup_id in recorded.popup_ids})
    if recorded.used_codes:
        cache.forget(keys.active_popups(shop_id))


def _withdraw(
    connection: postgres.Connection, shop_id: str, order_id: str, *, state: str, source: str | None
) -> Recorded:
    connection.queue(LOCK_VIEWERS, shop_id=shop_id)
    before = _open(connection, shop_id, [order_id], reported_by="anybody")
    withdrawn = connection.queue(
        _storing.WITHDRAW_ORDER,
        shop_id=shop_id,
        order_id=order_id,
        state=state,
        source=source,
        report_id=new_id() if source else None,
    )
    connection.queue(_storing.DELETE_REFUNDS, shop_id=shop_id)
    connection.queue(_storing.DELETE_CONVERSIONS, shop_id=shop_id)
    after = settle(connection, shop_id)
    rows = connection.fetch_each()
    return Recorded(bool(rows[withdrawn]), popups_of(rows[before], *rows[after]))


def _open(connection: postgres.Connection, shop_id: str, order_ids: Sequence[str], *, reported_by: str) -> int:
    """Queue taking these orders out of the tallies; return the place of the popups that lose them."""
    connection.queue(
        _crediting.OPEN_REPORTED, shop_id=shop_id, order_ids=list(dict.fromkeys(order_ids)), reported_by=reported_by
    )
    return connection.queue(_crediting.TALLY_OPEN, shop_id=shop_id, sign=-1)


def settle(connection: postgres.Connection, shop_id: str, *, whole_since: str | None = None) -> slice:
    """Queue crediting what is open and putting it into the tallies; return the places of the popups that changes.

    The last of these is of what is put into the tallies; the others have only what is not as it was. `whole_since`
    None credits by the stored touches alone, whatever the orders were credited by.
    """
    since = {"whole_since": whole_since or EVER, "keeps_codes": whole_since is not None}
    connection.queue(_crediting.NAME_VISITORS, shop_id=shop_id)
    credited = connection.queue(_crediting.CREDIT, shop_id=shop_id, **since)
    connection.queue(_crediting.SETTLE_BUYERS, shop_id=shop_id)
    connection.queue(_comparing.FIX_CAPS, shop_id=shop_id)
    connection.queue(_comparing.SETTLE_COMPARISONS, shop_id=shop_id)
    tallied = connection.queue(_crediting.TALLY_OPEN, shop_id=shop_id, sign=1)
    connection.queue(_crediting.CLOSE, shop_id=shop_id)
    return slice(credited, tallied + 1)


def _columns(order: TrustedOrder) -> dict[str, Any]:
    """Return what is stored of a report as it is."""
    names = ("source", "state", "revenue", "currency", "ordered_at")
    return {**{name: getattr(order, name) for name in names}, "codes": list(dict.fromkeys(order.codes))}


def _spellings(email: str | None) -> list[str]:
    form = normalized(email) if email else None
    return [form, *other_spellings(form)] if form else []


def popups_of(*rows: list[dict[str, Any]]) -> frozenset[uuid.UUID]:
    """Return the popups that these rows are of."""
    return frozenset(row["popup_id"] for each in rows for row in each)
