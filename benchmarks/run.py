"""One run of the benchmarks, as passed to its scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.servers import Bench
from benchmarks.shop import Shop
from tests.stack import open_database


@dataclass(frozen=True)
class Run:
    """The servers, the shops, and how long to measure."""

    bench: Bench
    shops: dict[str, Shop]
    rounds: int
    seconds: int

    def url(self, function: str) -> str:
        return self.bench.function(function).url

    def stored(self, table: str) -> int:
        return int(self.query(f"SELECT count(*) AS count FROM {table}")[0]["count"])

    def query(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        with open_database(self.bench.database_url) as database:
            return database(sql, **parameters)
