"""Measure the reports on a large shop, as ratios to a report on one popup over 30 days."""

from __future__ import annotations

import time
from datetime import date, timedelta
from statistics import median

import requests

from benchmarks.report import table
from benchmarks.run import Run
from cli.dev.child import StartError
from common.shop.api_keys import derived_key

POPUPS, DAYS, VARIANTS = 1000, 366, 11
LAST = date(2026, 3, 3)
SHOP = "many-popups"
KEY = derived_key("benchmark", SHOP)

MAKE_SHOP = """
    WITH shop AS (
        INSERT INTO shops (id, name) VALUES (:shop, 'Many popups')
    ), keyed AS (
        INSERT INTO api_keys (id, shop_id, prefix, key_sha256, rights)
        SELECT gen_random_uuid(), :shop, 'bench', sha256(convert_to(:key, 'UTF8')), 'read'
    )
    INSERT INTO popups (id, shop_id, name, status, trigger, design, targeting, frequency, offer)
    SELECT gen_random_uuid(), :shop, name || number, 'paused', trigger, design, targeting, frequency, offer
    FROM (SELECT * FROM popups LIMIT 1) AS popup, generate_series(1, :popups::integer) AS number
"""

# As the statements that store events would have, over a year: day by day.
FILL = {
    "daily_views": "INSERT INTO daily_views SELECT :shop, popup.id, day, 'v' || variant, 'desktop', 9, 7",
    "daily_conversions": """
        INSERT INTO daily_conversions SELECT :shop, popup.id, day, 'v' || variant, 'desktop', 'click', '', 2, 0
    """,
    "daily_converters": """
        INSERT INTO daily_converters SELECT :shop, popup.id, day, 'v' || variant, 'desktop', 'click', 1
    """,
    "daily_signals": "INSERT INTO daily_signals SELECT :shop, popup.id, day, 'v' || variant, 'desktop', 'close', 5",
    "daily_returns": """
        INSERT INTO daily_returns SELECT :shop, popup.id, day, day - interval '9 days', 'v' || variant, 'desktop', 2
    """,
}
OF_EACH = """
    FROM generate_series(:last::date - :days::integer + 1, :last::date, interval '1 day') AS day,
        generate_series(1, :variants::integer) AS variant, (SELECT id FROM popups WHERE shop_id = :shop) AS popup
"""


def reports(run: Run) -> str:
    """Measure reports on one popup and on a shop with POPUPS of VARIANTS, over 30 days and over a year."""
    popup_id = _fill(run)
    month, year = LAST - timedelta(days=29), LAST - timedelta(days=DAYS - 1)
    asked = {
        "one popup, 30 days": f"/popups/{popup_id}?from={month}&to={LAST}",
        "one popup, a year": f"/popups/{popup_id}?from={year}&to={LAST}",
        "the shop, 30 days": f"/shop?from={month}&to={LAST}",
        "the shop, a year": f"/shop?from={year}&to={LAST}",
        "the shop, a year, compared with the year before": f"/shop?compare=previous&from={year}&to={LAST}",
    }
    server = run.bench.function("stats")
    before, _ = server.memory_mib()
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    sizes = {}
    for number in range(run.rounds):
        for name, path in asked.items():
            took, sizes[name] = _ask(run, f"{path}&goal={('click', 'email_capture', 'purchase')[number % 3]}")
            seconds[name].append(took)
    base = median(seconds["one popup, 30 days"])
    rows = [
        (name, f"{median(each) * 1000:.0f}", f"{median(each) / base:.0f}", f"{sizes[name] / 1024:.0f}")
        for name, each in seconds.items()
    ]
    after, _ = server.memory_mib()
    grown = f"The function's memory grew from {before:.0f} to {after:.0f} MiB."
    return f"{table(('', 'median, ms', 'ratio', 'KiB'), rows)}\n\n{grown}"


def _fill(run: Run) -> str:
    run.query(MAKE_SHOP, shop=SHOP, key=KEY, popups=POPUPS)
    for name, sql in FILL.items():
        run.query(f"{sql} {OF_EACH}", shop=SHOP, last=LAST, days=DAYS, variants=VARIANTS)
        run.query(f"VACUUM ANALYZE {name}")
    return str(run.query("SELECT id FROM popups WHERE shop_id = :shop LIMIT 1", shop=SHOP)[0]["id"])


def _ask(run: Run, path: str) -> tuple[float, int]:
    started = time.perf_counter()
    answer = requests.get(f"{run.url('stats')}{path}", headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
    took = time.perf_counter() - started
    if answer.status_code != 200:
        raise StartError(f"{path}: {answer.text}")
    return took, len(answer.content)
