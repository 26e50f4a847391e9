"""Writes the example shop's past by COPY, and has its tallies made of it."""

import csv
import io
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pg8000.core import CoreConnection

from cli.batches import unpaused
from cli.dev.example_shop.orders import is_reported
from cli.dev.example_shop.popups import CONSENT, STORIES
from cli.dev.example_shop.shop import SHOP_ID
from cli.dev.example_shop.shoppers import DAYS, Seen, Shoppers
from cli.progress import progress
from cli.upkeep.recount import recount
from common.postgres.driver import Connection

# Recounting counts days of which every event is still stored, which it takes the first weeks not to be.
MONTHS_BEFORE = 2

MAKE_PARTITIONS = (
    "SELECT create_event_partitions((now() - make_interval(days => :days, months => :months))::date, :count)"
)

IS_WRITTEN = "SELECT EXISTS (SELECT FROM popup_views WHERE shop_id = :shop_id) AS is_written"
IS_COUNTED = "SELECT EXISTS (SELECT FROM daily_views WHERE shop_id = :shop_id) AS is_counted"

# Its script tells of everybody who would be shown a popup, the holdout too, as today's does; events do not say so.
EXPOSE = (
    "UPDATE experiment_stretches SET exposed_at = viewed_at WHERE shop_id = :shop_id",
    "UPDATE stretch_viewers SET met_by = 2 WHERE shop_id = :shop_id",
    "UPDATE stretch_tallies SET met_by = 2 WHERE shop_id = :shop_id",
)

# Its popups and their edits are of then, too.
MOVE_POPUP = "UPDATE popups SET created_at = :at WHERE shop_id = :shop_id AND id = :popup_id"
MOVE_VERSION = """
    UPDATE popup_versions SET changed_at = :at WHERE shop_id = :shop_id AND popup_id = :popup_id AND version = :version
"""

COLUMNS = {
    "popup_views": "event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type, page_url, viewed_at",
    "popup_conversions": "event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type, type, "
    "subscriber_id, discount_code, revenue, currency, order_id, converted_at",
    "purchases": "shop_id, order_id, event_id",
    "email_subscribers": "id, shop_id, email, email_normalized, name, popup_id, consent_text, consented_at, created_at",
    "email_consents": "shop_id, subscriber_id, id, type, consent_text, popup_id, popup_version, recorded_at",
}

NAMES = ("Ada", "Bela", "Chidi", "Dilara", "Emil", "Fatima", "Greta", "Hiro", "Ines", "Jonas", "Kemal", "Lotte", "Mira")
SURNAMES = (
    "Abendroth",
    "Bauer",
    "Costa",
    "Demir",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ito",
    "Jansen",
    "Kowalski",
)

Rows = dict[str, list[list[Any]]]


def write_history(raw: CoreConnection, popup_ids: list[str]) -> None:
    """Write sixty days of events unless they are there, all or nothing, and count them. Shows a progress bar."""
    connection = Connection(raw)
    if not connection.fetch_all(IS_WRITTEN, shop_id=SHOP_ID)[0]["is_written"]:
        _write(raw, connection, [uuid.UUID(each) for each in popup_ids])
    if not connection.fetch_all(IS_COUNTED, shop_id=SHOP_ID)[0]["is_counted"]:
        with unpaused():
            recount(raw, SHOP_ID, say=lambda _: None)
        for statement in EXPOSE:
            connection.execute(statement, shop_id=SHOP_ID)
        connection.execute("ANALYZE")  # as autovacuum will do within minutes; its orders are credited at once


def _write(raw: CoreConnection, connection: Connection, popup_ids: list[uuid.UUID]) -> None:
    now = datetime.now(UTC)
    connection.execute(MAKE_PARTITIONS, days=DAYS, months=MONTHS_BEFORE, count=MONTHS_BEFORE + DAYS // 30 + 2)
    raw.execute_simple("BEGIN")
    shoppers = Shoppers(list(zip(popup_ids, STORIES, strict=True)), now)
    writer = _Writer(shoppers)
    with progress(shoppers.days(), "Sixty days of the example shop", DAYS) as days:
        for day in days:
            _copy(raw, writer.rows(day))
    connection.execute("ANALYZE popup_views, popup_conversions")
    for popup_id, story in shoppers.popups:
        _move(connection, popup_id, now, [story.first_day_ago, *story.edits])
    raw.execute_simple("COMMIT")


def _move(connection: Connection, popup_id: uuid.UUID, now: datetime, days_ago: list[int]) -> None:
    """Date the popup's versions: each begins with the day after, as its shoppers do."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begun = [today - timedelta(days=ago - 1) for ago in days_ago]
    for version, at in enumerate(begun, start=1):
        connection.execute(MOVE_VERSION, shop_id=SHOP_ID, popup_id=popup_id, version=version, at=at)
    connection.execute(MOVE_POPUP, shop_id=SHOP_ID, popup_id=popup_id, at=begun[0])


def _copy(raw: CoreConnection, rows: Rows) -> None:
    for table, columns in COLUMNS.items():
        text = io.StringIO()
        csv.writer(text).writerows(rows[table])
        stream = io.BytesIO(text.getvalue().encode())
        raw.execute_unnamed(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)", stream=stream)


class _Writer:
    """Turns what was seen into rows. Orders and subscribers are numbered over all days."""

    def __init__(self, shoppers: Shoppers) -> None:
        self.shoppers = shoppers
        self.subscribers: dict[str, uuid.UUID] = {}
        self.orders = 10_000

    def rows(self, day: Iterable[Seen]) -> Rows:
        rows: Rows = defaultdict(list)
        for seen in day:
            event = [SHOP_ID, seen.popup_id, seen.session_id, seen.viewer.visitor_id, seen.variant_id]
            event.append(seen.viewer.device_type)
            rows["popup_views"].append([self.shoppers.event_id(seen.at), *event, seen.page, seen.at])
            if seen.converted_at:
                self._add_conversion(rows, seen, event, seen.converted_at)
            if seen.bought_at:
                self._add_purchase(rows, seen, event, seen.bought_at)
        return rows

    def _add_conversion(self, rows: Rows, seen: Seen, event: list[Any], at: datetime) -> None:
        event_id = self.shoppers.event_id(at)
        subscriber_id = None
        if seen.story.goal == "email_capture":
            subscriber_id = self._subscriber(rows, seen, at, event_id)
        rows["popup_conversions"].append([event_id, *event, seen.story.goal, subscriber_id, *[None] * 4, at])

    def _add_purchase(self, rows: Rows, seen: Seen, event: list[Any], at: datetime) -> None:
        self.orders += 1
        order_id, event_id = f"F-{self.orders}", self.shoppers.event_id(at)
        subscriber_id = self.subscribers.get(seen.viewer.visitor_id)
        if seen.story.code:
            used_at = at - timedelta(seconds=40)
            used = [self.shoppers.event_id(used_at), *event, "discount_code_used", subscriber_id, seen.story.code]
            rows["popup_conversions"].append([*used, None, None, None, used_at])
        bought = [event_id, *event, "purchase", subscriber_id, None, seen.revenue, "EUR", order_id, at]
        rows["popup_conversions"].append(bought)
        if not is_reported(self.orders, at, self.shoppers.now):
            rows["purchases"].append([SHOP_ID, order_id, event_id])

    def _subscriber(self, rows: Rows, seen: Seen, at: datetime, event_id: uuid.UUID) -> uuid.UUID:
        """Return the viewer's subscriber, whom the first capture makes. Addresses are of example.com: nobody's."""
        visitor = seen.viewer.visitor_id
        if visitor in self.subscribers:
            return self.subscribers[visitor]
        id_ = self.subscribers[visitor] = self.shoppers.event_id(at)
        number = len(self.subscribers)
        first, last = NAMES[number % len(NAMES)], SURNAMES[number // len(NAMES) % len(SURNAMES)]
        email = f"{first}.{last}{number}@example.com".lower()
        name = f"{first} {last}"
        given = [email, email, name, seen.popup_id, CONSENT, at, at]
        rows["email_subscribers"].append([id_, SHOP_ID, *given])
        rows["email_consents"].append([SHOP_ID, id_, event_id, "given", CONSENT, seen.popup_id, 1, at])
        return id_
