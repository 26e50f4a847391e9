"""Invents the shoppers of sixty days: who came when, with what, and what they did. Deterministic, no database."""

import math
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.dev.example_shop.popups import Story
from common.shop.events import HOLDOUT

DAYS = 60
VISITS_A_DAY = 300
RETURNING = 0.2
# Monday to Sunday.
WEEK = (0.95, 0.9, 0.92, 0.98, 1.0, 1.12, 1.2)
# By the hour, in UTC: lunch and the evening.
HOURS = (1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 6, 7, 9, 11, 12, 10, 7, 4, 2)
DEVICES = {"mobile": 61, "desktop": 31, "tablet": 8}
# What a device does to the rate: phones look, computers buy.
WILLING = {"mobile": 0.85, "desktop": 1.3, "tablet": 1.0}
PAGES = ("/", "/products/fern", "/products/monstera", "/products/calathea", "/collections/indoor", "/cart")
ORDER = 54.0


@dataclass
class Viewer:
    """A browser, and which variant of each popup it has."""

    visitor_id: str
    device_type: str
    chance: float
    saw: set[uuid.UUID] = field(default_factory=set)


@dataclass(frozen=True)
class Seen:
    """A view, and what it led to: the moments of the conversion and of the purchase, and its revenue."""

    popup_id: uuid.UUID
    story: Story
    viewer: Viewer
    session_id: str
    variant_id: str | None
    page: str
    at: datetime
    converted_at: datetime | None = None
    bought_at: datetime | None = None
    revenue: str | None = None


class Shoppers:
    """The shoppers of one history. The same seed makes the same."""

    def __init__(self, popups: list[tuple[uuid.UUID, Story]], now: datetime, seed: int = 60) -> None:
        self.popups = popups
        self.now = now
        self.chance = random.Random(seed)
        self.known: list[Viewer] = []

    def days(self) -> Iterator[list[Seen]]:
        """Yield what was seen on each day, the last of which is not over."""
        for days_ago in range(DAYS - 1, -1, -1):
            yield list(self._day(days_ago))

    def _day(self, days_ago: int) -> Iterator[Seen]:
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
        growth = 0.8 + 0.45 * (1 - days_ago / DAYS)
        luck = math.exp(self.chance.gauss(0, 0.1))
        for _ in range(round(VISITS_A_DAY * growth * luck * WEEK[midnight.weekday()])):
            hour = self.chance.choices(range(24), HOURS)[0]
            at = midnight + timedelta(hours=hour, seconds=self.chance.random() * 3600)
            if at < self.now - timedelta(minutes=5):
                yield from self._visit(self._viewer(), at, days_ago)

    def _viewer(self) -> Viewer:
        if self.known and self.chance.random() < RETURNING:
            return self.chance.choice(self.known)
        device_type = self.chance.choices(list(DEVICES), list(DEVICES.values()))[0]
        viewer = Viewer(str(self._uuid()), device_type, self.chance.random())
        self.known.append(viewer)
        return viewer

    def _visit(self, viewer: Viewer, at: datetime, days_ago: int) -> Iterator[Seen]:
        session_id = str(self._uuid())
        for popup_id, story in self.popups:
            is_live = story.last_day_ago <= days_ago < story.first_day_ago
            if is_live and popup_id not in viewer.saw and self.chance.random() < story.reach:
                yield self._view(popup_id, story, viewer, session_id, at, days_ago)

    def _view(
        self, popup_id: uuid.UUID, story: Story, viewer: Viewer, session_id: str, at: datetime, days_ago: int
    ) -> Seen:
        variant = _variant(story, viewer, days_ago)
        page = "/cart" if story.popup["name"].startswith("Cart") else self.chance.choice(PAGES)
        at += timedelta(seconds=self.chance.random() * 90)
        seen = Seen(popup_id, story, viewer, session_id, variant, page, at)
        viewer.saw.add(popup_id)
        rate = story.rates.get(variant or "", 0.0) * WILLING[viewer.device_type]
        if variant == HOLDOUT or self.chance.random() >= rate:
            return seen
        converted_at = seen.at + timedelta(seconds=4 + self.chance.random() * 30)
        bought_at = converted_at + timedelta(minutes=3 + self.chance.expovariate(1 / 300))
        buys = self.chance.random() < story.buys and bought_at < self.now
        revenue = f"{ORDER * math.exp(self.chance.gauss(0, 0.5)):.2f}" if buys else None
        return replace(seen, converted_at=converted_at, bought_at=bought_at if buys else None, revenue=revenue)

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    def event_id(self, at: datetime) -> uuid.UUID:
        """Return a version-7 id of that moment."""
        milliseconds = int(at.astimezone(UTC).timestamp() * 1000)
        low = 2 << 62 | self.chance.getrandbits(62)
        return uuid.UUID(int=milliseconds << 80 | 7 << 76 | self.chance.getrandbits(12) << 64 | low)


def _variant(story: Story, viewer: Viewer, days_ago: int) -> str | None:
    """Return the viewer's variant, by its one chance: sticky, as in the storefront."""
    if viewer.chance < story.holdout():
        return HOLDOUT
    variants: list[dict[str, Any]] = []
    for day, edit in story.edits.items():
        if days_ago < day:
            variants = edit.get("variants", variants)
    if not variants:
        return None
    return str(variants[int(viewer.chance * len(variants))]["id"])
