"""Orders in the tallies equal a plain recount, under every rule and window, whatever came in and in whichever order."""

import datetime
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from cli.upkeep.recount import recount
from common.shop.orders import MAX_WINDOW_DAYS, RULES
from tests.support.client import Client
from tests.support.factories import Shop, insert, make_discount_code, make_popup, make_shop, uuid7
from tests.support.stack import Database, FunctionProcess
from tests.support.tracking import send

DAY = datetime.timedelta(days=1)
TIME_ZONES = ("UTC", "Pacific/Kiritimati", "America/New_York")
VISITORS = ("ann", "bob", "carl")
DEVICES = ("", "mobile", "desktop")
ACTIONS = 40
NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)

# Popup, variant, device; the popup is None for nobody.
Credit = tuple[str | None, str, str]
NOBODY: Credit = (None, "", "")


@dataclass(frozen=True)
class Touch:
    at: datetime.datetime
    visitor: str
    is_click: bool
    credit: Credit


@dataclass
class Bought:
    """An order as a person would note it: what the shop said of it, and what a browser did."""

    is_trusted: bool = False
    is_deleted: bool = False
    at: datetime.datetime = NEVER
    revenue: Decimal | None = None
    currency: str | None = None
    codes: list[str] = field(default_factory=list)
    visitor: str | None = None
    report: tuple[datetime.datetime, str, Credit] | None = None
    refunds: dict[str, tuple[Decimal, str, datetime.datetime]] = field(default_factory=dict)


class Market:
    """A shop, everything that is sent to it, and the notes from which its orders are counted."""

    def __init__(
        self, random: Random, database: Database, merchant: Client, functions: dict[str, FunctionProcess], shop: Shop
    ) -> None:
        self.random, self.database, self.merchant, self.functions, self.shop = (
            random, database, merchant, functions, shop,
        )  # fmt: skip
        self.zone = zoneinfo.ZoneInfo(database.value("SELECT time_zone FROM shops WHERE id = :id", id=shop.id))
        ten, five = make_discount_code(database, shop, code="TEN"), make_discount_code(database, shop, code="FIVE")
        pool = make_discount_code(database, shop, ["POOL"])
        database("UPDATE single_use_codes SET claimed_by = 'viewer:ann' WHERE discount_code_id = :pool", pool=pool)
        insert(database, "discount_code_tallies", shop_id=shop.id, discount_code_id=pool)  # as manage_popups does
        offers = [{"type": "discount", "discount_code_id": code} for code in (ten, ten, five)]
        self.popups = [make_popup(database, shop, offer=offer, variants=[{"id": "a"}]) for offer in offers]
        self.offered = {"TEN": set(self.popups[:2]), "FIVE": set(self.popups[2:]), "POOL": set(), "NO": set()}
        self.touches: list[Touch] = []
        self.orders: dict[str, Bought] = {}
        self.confirmed_since: datetime.datetime | None = None
        self.has_viewed_before()

    def has_viewed_before(self) -> None:
        """Touches of weeks ago, which no browser can send now."""
        for _ in range(8):
            at = self.some_time(8, 40)
            touch, of = self.new_touch(at, is_click=False)
            row = {"shop_id": self.shop.id, "session_id": "s", "viewed_at": at, **of}
            insert(self.database, "popup_views", event_id=uuid7(at), **row)
            self.touches.append(touch)
        recount(self.database._connection, self.shop.id, say=lambda line: None)

    def some_time(self, least_days: float = 0.01, most_days: float = 6.8) -> datetime.datetime:
        """One that a browser's id can tell, to the millisecond."""
        at = datetime.datetime.now(datetime.UTC) - self.random.uniform(least_days, most_days) * DAY
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def new_touch(self, at: datetime.datetime, *, is_click: bool) -> tuple[Touch, dict[str, Any]]:
        visitor, popup_id = self.random.choice(VISITORS), self.random.choice(self.popups)
        variant, device = self.random.choice(["", "a", "a", "holdout"]), self.random.choice(DEVICES)
        of = {"popup_id": popup_id, "visitor_id": visitor, "variant_id": variant or None, "device_type": device or None}
        return Touch(at, visitor, is_click, (popup_id, variant, device)), of

    def touch(self) -> None:
        at, type_ = self.some_time(), self.random.choice(["view", "click", "email_capture"])
        touch, of = self.new_touch(at, is_click=type_ != "view")
        event = {"event_id": uuid7(at), "session_id": "s", **of}
        if type_ == "view":
            assert send(self.functions["track_view"], event).status_code == 202
        else:
            more = {"email": f"{touch.visitor}@example.com"} if type_ == "email_capture" else {}
            assert send(self.functions["track_conversion"], {**event, **more, "type": type_}).status_code == 201
        self.touches.append(touch)

    def money(self) -> tuple[Decimal, str]:
        return Decimal(self.random.randrange(1, 10**6)).scaleb(-2), self.random.choice(["USD", "USD", "EUR"])

    def some_order(self) -> tuple[str, Bought]:
        order_id = f"order {self.random.randrange(8)}"
        return order_id, self.orders.setdefault(order_id, Bought())

    def is_known(self, order: Bought) -> bool:
        return order.is_trusted or order.report is not None

    def shop_reports(self) -> None:
        order_id, order = self.some_order()
        at, (revenue, currency) = self.some_time(0.01, self.random.choice([6.8, 25])), self.money()
        codes = self.random.sample(list(self.offered), self.random.choice([0, 0, 1, 2]))
        visitor = self.random.choice([None, *VISITORS])
        body = {"order_id": order_id, "revenue": str(revenue), "currency": currency, "ordered_at": at.isoformat()}
        answer = self.merchant.post("/orders", {**body, "discount_codes": codes, "visitor_id": visitor})
        is_new = order.is_deleted or not order.is_trusted
        assert answer.status_code == (201 if is_new else 200), answer.text
        if is_new:
            order.is_trusted, order.is_deleted, order.at = True, False, at
            order.revenue, order.currency, order.codes, order.visitor = revenue, currency, codes, visitor
            self.confirmed_since = self.confirmed_since or at

    def browser_reports(self) -> None:
        order_id, order = self.some_order()
        at, (revenue, currency) = self.some_time(), self.money()
        touch, of = self.new_touch(at, is_click=False)
        event = {"event_id": uuid7(at), "session_id": "s", "type": "purchase", "order_id": order_id, **of}
        event |= self.random.choice([{}, {"revenue": str(revenue), "currency": currency}])
        answer = send(self.functions["track_conversion"], event)
        assert answer.status_code == (200 if self.is_known(order) or order.is_deleted else 201), answer.text
        if order.is_deleted or order.report is not None:
            return
        if not order.is_trusted:
            order.at, order.currency = at, event.get("currency")
            order.revenue = revenue if "revenue" in event else None
        order.report = at, touch.visitor, NOBODY if touch.credit[1] == "holdout" else touch.credit

    def refund(self) -> None:
        order_id, order = self.some_order()
        at, (amount, currency), refund_id = self.some_time(), self.money(), f"{self.random.randrange(3)}"
        body = {"refund_id": refund_id, "amount": str(amount), "currency": currency, "refunded_at": at.isoformat()}
        answer = self.merchant.post(f"/orders/{order_id}/refunds", body)
        known = order.currency if self.is_known(order) or order.is_deleted else None
        if refund_id in order.refunds:
            expected = 200 if known in (None, currency) else 422
        else:
            expected = 201 if known in (None, currency) else 422
        assert answer.status_code == expected, (answer.text, order)
        if expected == 201:
            order.refunds[refund_id] = amount, currency, at

    def delete(self) -> None:
        order_id, order = self.some_order()
        is_there = self.is_known(order) and not order.is_deleted
        assert self.merchant.delete(f"/orders/{order_id}").status_code == (204 if is_there else 404)
        if is_there:
            order.is_deleted, order.refunds = True, {}

    def confirm(self) -> None:
        since = self.random.choice([None, self.some_time()])
        given = since.isoformat() if since else None
        assert self.merchant.patch("/shop", {"confirmed_since": given}).status_code == 200
        self.confirmed_since = since

    def known_orders(self) -> Iterator[tuple[str, Bought]]:
        return (item for item in self.orders.items() if self.is_known(item[1]) and not item[1].is_deleted)

    def counted(self) -> Iterator[Bought]:
        return (order for _, order in self.known_orders())

    def whose(self, order: Bought) -> str | None:
        if order.visitor:
            return order.visitor
        if "POOL" in order.codes:
            return "ann"
        if order.report and abs(order.report[0] - order.at) <= DAY:
            return order.report[1]
        return None

    def credit(self, order: Bought, rule: str, window_days: int) -> Credit:
        """One order's, by the words of the contract."""
        visitor = self.whose(order)
        met = sorted(
            (touch for touch in self.touches if touch.visitor == visitor and touch.at <= order.at), key=lambda t: t.at
        )
        met = [touch for touch in met if touch.credit[1] != "holdout"]
        recent = [touch for touch in met if touch.at >= order.at - window_days * DAY]
        by_code = self.credit_by_code(order, met)
        clicks = [touch.credit for touch in recent if touch.is_click]
        views = [touch.credit for touch in recent if not touch.is_click]
        if rule == "code":
            return by_code or NOBODY
        if rule == "click":
            return clicks[-1] if clicks else NOBODY
        if rule == "view":
            return views[-1] if views else NOBODY
        if by_code:
            return by_code
        if clicks or views:
            return (clicks or views)[-1]
        return order.report[2] if order.report else NOBODY

    def credit_by_code(self, order: Bought, met: list[Touch]) -> Credit | None:
        offering = set().union(*(self.offered[code] for code in order.codes)) if order.codes else set()
        for touch in reversed(met):
            if touch.credit[0] in offering:
                return touch.credit
        for code in order.codes:
            if len(self.offered[code]) == 1:
                return next(iter(self.offered[code])), "", ""
        return None

    def day(self, at: datetime.datetime) -> str:
        return str(at.astimezone(self.zone).date())

    def recount(self, rule: str, window_days: int) -> Counter[Any]:
        result: Counter[Any] = Counter()
        for order in self.counted():
            credit, currency = self.credit(order, rule, window_days), order.currency or ""
            result[self.day(order.at), *credit, currency, order.is_trusted, "orders"] += 1
            result[self.day(order.at), *credit, currency, order.is_trusted, "revenue"] += order.revenue or 0  # type: ignore[assignment]
            for amount, paid_in, at in order.refunds.values():
                if paid_in == currency:
                    result[self.day(at), *credit, currency, order.is_trusted, "refunded"] += amount  # type: ignore[assignment]
        return +result

    def tallied(self, rule: str, window_days: int) -> Counter[Any]:
        rows = self.database(
            """
            SELECT day::text AS day, nullif(popup_id, '00000000-0000-0000-0000-000000000000')::text AS popup_id,
                variant_id, device_type, currency, browser_day = '-infinity' AS is_trusted, sum(orders) AS orders,
                sum(revenue) AS revenue, sum(refunded) AS refunded
            FROM daily_orders
            WHERE shop_id = :shop AND rule IN (:rule, 'stored') AND step <= :window_days
            GROUP BY 1, 2, 3, 4, 5, 6
            """,
            shop=self.shop.id,
            rule=rule,
            window_days=window_days,
        )
        found = {
            (*list(row.values())[:6], name): row[name] for row in rows for name in ("orders", "revenue", "refunded")
        }
        return Counter({key: amount for key, amount in found.items() if amount})

    def figures(self, rule: str, window_days: int) -> dict[str, Any]:
        """Return what the shop's report should say of the last 30 days, in all and by popup."""
        first = datetime.datetime.now(self.zone).date() - 29 * DAY
        result: dict[str, Any] = {"all": Counter()} | {popup_id: Counter() for popup_id in self.popups}
        for order in self.counted():
            is_confirmed = order.is_trusted or self.confirmed_since is None or order.at < self.confirmed_since
            popup_id = self.credit(order, rule, window_days)[0]
            for figures in [result["all"], *([result[popup_id]] if popup_id else [])]:
                if order.at.astimezone(self.zone).date() >= first:
                    figures["orders" if is_confirmed else "unconfirmed_orders"] += 1
                    if is_confirmed and order.currency:
                        figures[f"revenue {order.currency}"] += order.revenue
                for amount, currency, _ in order.refunds.values():
                    if is_confirmed and currency == order.currency:
                        figures[f"refunded {currency}"] += amount
        return {name: +figures for name, figures in result.items()}

    def reported(self, stats: Client, rule: str, window_days: int) -> dict[str, Any]:
        said = stats.get("/shop", params={"attribution": rule, "window_days": window_days}).json()
        groups = {"all": said} | {popup["popup_id"]: popup for popup in said["popups"]}
        return {name: +Counter(amounts_of(group)) for name, group in groups.items()}

    def buyers(self) -> Counter[Any]:
        """Viewers who bought within a week after they first saw a popup, by popup; of the shop, any of its popups."""
        bought = [
            (self.whose(order), order.at)
            for order in self.counted()
            if order.is_trusted or self.confirmed_since is None or order.at < self.confirmed_since
        ]
        seen = self.database(
            """
            WITH seen AS (
                SELECT seen.*, called
                FROM unnest(:names::text[]) AS called
                JOIN shops ON id = :shop
                JOIN viewers_of_popups AS seen ON shop_id = :shop AND viewer = viewer_hash(viewer_salt, called)
                WHERE first_seen_at IS NOT NULL
            )
            SELECT popup_id::text, variant_id, first_day::text, first_seen_at, called FROM seen
            UNION ALL
            SELECT NULL, '', min(first_day)::text, min(first_seen_at), called
            FROM seen
            WHERE NOT is_holdout
            GROUP BY called
            """,
            shop=self.shop.id,
            names=list(VISITORS),
        )
        return Counter(
            (row["popup_id"], row["first_day"], row["variant_id"])
            for row in seen
            if any(
                name == row["called"] and row["first_seen_at"] <= at <= row["first_seen_at"] + 7 * DAY
                for name, at in bought
            )
        )

    def tallied_buyers(self) -> Counter[Any]:
        rows = self.database(
            "SELECT nullif(popup_id, '00000000-0000-0000-0000-000000000000')::text AS popup_id, day::text, variant_id,"
            " sum(converters) AS viewers FROM daily_converters WHERE shop_id = :shop AND type = 'purchase'"
            " GROUP BY 1, 2, 3 HAVING sum(converters) <> 0",
            shop=self.shop.id,
        )
        return Counter({(row["popup_id"], row["day"], row["variant_id"]): int(row["viewers"]) for row in rows})


def amounts_of(said: dict[str, Any]) -> dict[str, Decimal]:
    revenue, refunded = (said[f"{name}_by_currency"] for name in ("revenue", "refunded"))
    assert Decimal(said["revenue"]) == Decimal(revenue.get("USD", 0))
    assert Decimal(said["refunded"]) == Decimal(refunded.get("USD", 0))
    assert Decimal(said["net_revenue"]) == Decimal(said["revenue"]) - Decimal(said["refunded"])
    return {
        **{name: Decimal(said[name]) for name in ("orders", "unconfirmed_orders")},
        **{f"revenue {currency}": Decimal(amount) for currency, amount in revenue.items()},
        **{f"refunded {currency}": Decimal(amount) for currency, amount in refunded.items()},
    }


# Fixed, so that a failure can be repeated: the seed is in the name of the test.
@pytest.mark.parametrize("seed", range(12))
def test_orders_equal_a_recount_of_any_stream(
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    manage_popups: FunctionProcess,
    stats: FunctionProcess,
    database: Database,
    seed: int,
) -> None:
    random = Random(seed)
    time_zone = random.choice(TIME_ZONES)
    shop = make_shop(database, time_zone=time_zone)
    functions = {"track_view": track_view, "track_conversion": track_conversion}
    market = Market(random, database, Client(manage_popups, shop.write_key), functions, shop)
    acts: list[tuple[Callable[[], None], int]] = [
        (market.touch, 12),
        (market.shop_reports, 6),
        (market.browser_reports, 6),
        (market.refund, 4),
        (market.delete, 2),
        (market.confirm, 1),
    ]
    for act in random.choices([act for act, _ in acts], [weight for _, weight in acts], k=ACTIONS):
        act()
    for rule in RULES:
        for window_days in range(1, MAX_WINDOW_DAYS + 1):
            assert market.tallied(rule, window_days) == market.recount(rule, window_days), (rule, window_days)
        window_days = random.randint(1, MAX_WINDOW_DAYS)
        assert market.reported(Client(stats, shop.read_key), rule, window_days) == market.figures(rule, window_days)
    assert market.tallied_buyers() == market.buyers()
    assert listed_credit(market.merchant) == {
        order_id: market.credit(order, "last_touch", 7)[:2] for order_id, order in market.known_orders()
    }
    assert recount(database._connection, shop.id, say=lambda line: None) == 0


def listed_credit(merchant: Client) -> dict[str, tuple[str | None, str]]:
    orders = merchant.get("/orders?limit=100").json()["orders"]
    return {order["order_id"]: (order["popup_id"], order["variant_id"] or "") for order in orders}
