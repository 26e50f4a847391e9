"""The scenarios by name. Each takes a run and returns its result as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.bytes import bytes_a_view
from benchmarks.caching import freshness, hits
from benchmarks.fleet import fleet
from benchmarks.growth import scale, soak
from benchmarks.releases import releases
from benchmarks.reports import reports
from benchmarks.retention import retention
from benchmarks.run import Run
from benchmarks.speed import conversions, each_function, memory, reads, start, steady, views
from benchmarks.statements import statements


@dataclass(frozen=True)
class Scenario:
    """A scenario as `python -m benchmarks` lists, runs and saves it.

    `title` heads its result. `quoted` is the (rounds, seconds) of the results that README and docs/ quote, a quarter of
    an hour in all; None for a scenario that they do not quote. `needs_wrk` is true if wrk sends its requests.
    """

    title: str
    measure: Callable[[Run], str]
    quoted: tuple[int, int] | None = None
    needs_wrk: bool = False


SCENARIOS = {
    "functions": Scenario("Every function beside both no-ops", each_function, needs_wrk=True),
    "reads": Scenario(
        "get_active_popups, warm, with 10 popups: whole answers and 304s", reads, quoted=(4, 2), needs_wrk=True
    ),
    "views": Scenario(
        "track_view: 1 view or 20 a request, of one hot popup or 100, beside a plain INSERT and COMMIT, and the peer",
        views,
        quoted=(3, 2),
        needs_wrk=True,
    ),
    "conversions": Scenario(
        "track_conversion: a click or an e-mail a request, beside the peer's transaction",
        conversions,
        quoted=(3, 2),
        needs_wrk=True,
    ),
    "steady": Scenario(
        "track_view at a fixed 500 requests a second, beside both no-ops, a plain INSERT and COMMIT, and the peer",
        steady,
        quoted=(5, 3),
    ),
    "memory": Scenario("track_view's memory while it takes 200 000 events", memory, quoted=(1, 3), needs_wrk=True),
    "start": Scenario("From process start to the first answer, Redis warm", start, quoted=(5, 3)),
    "fleet": Scenario(
        "Ten instances at 1000 reads a second of 1000 shops: empty, after FLUSHALL, a deployment, and an outage",
        fleet,
        quoted=(1, 2),
    ),
    "scale": Scenario(
        "1, 2 and 4 instances of track_view on one database: lists of 20 views over 100 popups",
        scale,
        quoted=(3, 3),
        needs_wrk=True,
    ),
    "soak": Scenario(
        "track_view at half of what breaks it, a window a round: `--rounds 30` is half an hour", soak, needs_wrk=True
    ),
    "hits": Scenario(
        "get_active_popups on 10 instances for 1000 shops, popular as by Zipf's law, with an edit a minute",
        hits,
        quoted=(1, 1),
    ),
    "freshness": Scenario(
        "How soon an edit is served by two instances and an event shows in stats, and what that costs the cache",
        freshness,
        quoted=(1, 1),
    ),
    "retention": Scenario(
        "50 000 viewers of a deleted popup are removed while 10 000 other shops get 100 views a second", retention
    ),
    "reports": Scenario(
        "What a year of a shop with 1000 popups of 11 variants costs, compared with one popup's 30 days", reports
    ),
    "bytes": Scenario("The bytes that a view of a new viewer takes, by table and index", bytes_a_view),
    "statements": Scenario(
        "The CPU time of Postgres for an event, by statement and events a flush, beside that of a plain view",
        statements,
    ),
    "releases": Scenario(
        "Reads, views, p99 at a steady rate and start, beside the previous release", releases, needs_wrk=True
    ),
}
QUOTED = {name: scenario.quoted for name, scenario in SCENARIOS.items() if scenario.quoted}
