"""One run of the benchmarks, as passed to its scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests

from benchmarks import peer
from benchmarks.servers import Bench
from benchmarks.shop import Shop
from tests.support.stack import create_database, open_database


@dataclass
class Run:
    """The servers, the shops, and how long to measure."""

    bench: Bench
    shops: dict[str, Shop]
    rounds: int
    seconds: int

    def url(self, function: str) -> str:
        return self.bench.function(function).url

    def stored(self, table: str) -> int:
        return _count(self.bench.database_url, table)

    def query(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        with open_database(self.bench.database_url) as database:
            return database(sql, **parameters)

    def peer_url(self, call: str) -> str:
        """Return the URL of the peer's call, with the same shops."""
        assert self._peer_database
        return self.url(call)

    def stored_by_peer(self, table: str) -> int:
        return _count(self._peer_database, table)

    @cached_property
    def _peer_database(self) -> str:
        peer.install()
        url = create_database(self.bench.postgres, peer.DATABASE, migrated=False)
        peer.create_tables(url)
        for shop in self.shops.values():
            asked = requests.get(self.url("get_active_popups"), {"shop_id": shop.id}, timeout=10)
            asked.raise_for_status()
            peer.insert_shop(url, asked.json(), shop.popup_ids)
        return url


def _count(database_url: str, table: str) -> int:
    with open_database(database_url) as database:
        return int(database.value(f"SELECT count(*) FROM {table}"))
