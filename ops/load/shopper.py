"""One request of the mix: what shoppers and merchants send, and what its answer is worth."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

from ops.load.world import Shop, World

SHARES = {"read": 90, "views": 8, "conversion": 1, "merchant": 1}
MOST_VIEWS_A_REQUEST = 5
# As many as a busy hour has: enough that hardly any of them meets a limit by itself.
CLIENTS = 50_000


@dataclass(frozen=True)
class Sent:
    """A request to send. `events` are the ids of the views or conversions that it reports."""

    name: str
    method: str
    url: str
    headers: dict[str, str]
    body: str | None = None
    table: str | None = None
    events: tuple[str, ...] = ()


@dataclass
class Mix:
    """Draws requests: shops by Zipf's law, half of the reads conditional, each from one of many addresses."""

    world: World
    random: random.Random
    etags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._weights = [1 / rank for rank in range(1, len(self.world.shops) + 1)]

    def draw(self) -> Sent:
        (kind,) = self.random.choices(list(SHARES), list(SHARES.values()))
        (shop,) = self.random.choices(self.world.shops, self._weights)
        sent: Sent = getattr(self, f"_{kind}")(shop)
        return sent

    def _read(self, shop: Shop) -> Sent:
        headers = self._headers()
        etag = self.etags.get(shop.id)
        if etag and self.random.random() < 0.5:
            headers["If-None-Match"] = etag
        url = f"{self.world.urls['get_active_popups']}/?shop_id={shop.id}"
        return Sent("get_active_popups", "GET", url, headers)

    def _views(self, shop: Shop) -> Sent:
        views = [self._event(shop) for _ in range(self.random.randint(1, MOST_VIEWS_A_REQUEST))]
        return self._report("track_view", "popup_views", views, {"events": views})

    def _conversion(self, shop: Shop) -> Sent:
        click = {**self._event(shop), "type": "click"}
        return self._report("track_conversion", "popup_conversions", [click], click)

    def _merchant(self, shop: Shop) -> Sent:
        headers = {**self._headers(), "Authorization": f"Bearer {shop.key}"}
        if self.random.random() < 0.5:
            return Sent("stats", "GET", f"{self.world.urls['stats']}/popups/{shop.popup_ids[0]}", headers)
        return Sent("manage_popups", "GET", f"{self.world.urls['manage_popups']}/popups?limit=20", headers)

    def _report(self, name: str, table: str, events: list[dict[str, Any]], body: dict[str, Any]) -> Sent:
        headers = {**self._headers(), "Content-Type": "text/plain"}
        ids = tuple(event["event_id"] for event in events)
        return Sent(name, "POST", f"{self.world.urls[name]}/", headers, json.dumps(body), table, ids)

    def _event(self, shop: Shop) -> dict[str, Any]:
        visitor = f"v{self.random.getrandbits(40):x}"
        return {
            "event_id": self._uuid7(),
            "popup_id": self.random.choice(shop.popup_ids),
            "session_id": f"s{visitor}",
            "visitor_id": visitor,
            "device_type": self.random.choice(("desktop", "mobile", "mobile", "tablet")),
            "page_url": f"https://shop.example/products/{self.random.randint(1, 500)}",
        }

    def _uuid7(self) -> str:
        """Return a version 7 UUID (RFC 9562, section 5.7)."""
        digits = f"{time.time_ns() // 1_000_000:012x}7{self.random.getrandbits(12):03x}"
        digits += f"{0x8 | self.random.getrandbits(2):x}{self.random.getrandbits(60):015x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def _headers(self) -> dict[str, str]:
        client = self.random.randrange(CLIENTS)
        return {"X-Forwarded-For": f"10.{client >> 16}.{client >> 8 & 255}.{client & 255}", "Accept-Encoding": "gzip"}
