"""The reads of 1000 shops, popular as by Zipf's law, spread over a fleet of instances at a fixed rate."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.fixed_rate import get, run_at_rate
from benchmarks.load import Round
from benchmarks.run import Run
from benchmarks.servers import Server
from benchmarks.shop import SHOWN
from cli.progress import progress

SHOPS = 1000
INSTANCES = 10
READS_PER_SECOND = 1000
# A minute at the default of 3 seconds a round.
SECONDS_FOR_ROUND = 20
POOL = {"DB_POOL_MAX": "5"}

COPY_POPUP_TO_SHOPS = """
    WITH shop AS (
        INSERT INTO shops (id, name)
        SELECT 'traffic-' || number, 'Traffic' FROM generate_series(1, :shops::int) AS number
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    INSERT INTO popups (id, shop_id, name, status, trigger, design, targeting, frequency, offer)
    SELECT gen_random_uuid(), shop.id, name, status, trigger, design, targeting, frequency, offer
    FROM shop CROSS JOIN (SELECT * FROM popups WHERE id = :popup_id) AS popup
"""


class Traffic:
    """The reads of one run."""

    def __init__(self, run: Run) -> None:
        run.query(COPY_POPUP_TO_SHOPS, shops=SHOPS, popup_id=run.shops[SHOWN].popup_ids[0])
        # As autovacuum would within a minute. Without statistics Postgres plans the read of each shop anew.
        for table in ("shops", "popups"):
            run.query(f"ANALYZE {table}")
        self._run = run
        self._shops = [SHOWN, *(f"traffic-{number}" for number in range(1, SHOPS))]
        self._popularity = [1 / rank for rank in range(1, SHOPS + 1)]
        self._random = random.Random(1)
        self.seconds = SECONDS_FOR_ROUND * run.seconds

    @contextmanager
    def instances(self, function: str, **environ: str) -> Iterator[list[Server]]:
        """Run ten instances of a function, until the block ends."""
        instances: list[Server] = []
        try:
            with progress(range(INSTANCES), f"Starting {INSTANCES} of {function}") as numbers:
                instances.extend(self._run.bench.start(function, **POOL, **environ) for _ in numbers)
            yield instances
        finally:
            for instance in instances:
                instance.child.stop()

    def send(self, instances: Sequence[Server], seconds: int) -> Round:
        """Send every instance its share of the reads."""
        shops = self._random.choices(self._shops, self._popularity, k=READS_PER_SECOND * seconds)
        return self._send(zip(itertools.cycle(instances), shops))

    def visit_all(self, instances: Sequence[Server]) -> Round:
        """Read every shop once at every instance."""
        return self._send((instance, shop) for shop in self._shops for instance in instances)

    def _send(self, visits: Any) -> Round:
        reads = [get(f"{instance.url}/?shop_id={shop}") for instance, shop in visits]
        return run_at_rate(reads, READS_PER_SECOND)


def furthest_asked(server: Server) -> Iterator[str]:
    """Return the slowest level that each request needed, from the function's log."""
    for line in map(_parsed, Path(server.child.log).read_text().splitlines()):
        if "cache" in line:
            waited = line.get("waited_seconds", {})
            yield next((name for name in ("database", "redis") if name in waited), "nobody")


def _parsed(line: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
    return parsed
