"""ops/load: arrivals come at the promised rates, and a run says of each target whether it was met."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from ops.load.__main__ import _limit
from ops.load.report import answer_checks, stored_check
from ops.load.scenarios import SCENARIOS
from ops.load.shopper import SHARES, Mix
from ops.load.usage import Usage
from ops.load.world import Shop, World, read_world, urls_below

GOOD = {
    "requests": 10_000,
    "failures": 10,
    "p95_ms": 199.9,
    "reads": {"HIT": 81, "STALE": 0, "MISS": 19},
    "problems": {"404 popup_not_found": 10},
}


@pytest.mark.parametrize(
    ("name", "requests"),
    [("normal", 100 * 600), ("peak", 500 * 300), ("spike", 1000 * 60 / 2), ("smoke", 100)],
)
def test_arrivals_come_at_the_scenario_s_rate(name: str, requests: float) -> None:
    due = list(SCENARIOS[name].due_times())
    assert len(due) == pytest.approx(requests, rel=0.01)
    assert due == sorted(due)
    assert due[-1] < SCENARIOS[name].seconds


def test_another_length_is_told() -> None:
    shorter = SCENARIOS["normal"].lasting(120)
    assert len(list(shorter.due_times())) == pytest.approx(12_000, rel=0.01)
    assert "120 s" in shorter.title
    assert SCENARIOS["normal"].lasting(None) == SCENARIOS["normal"]


@pytest.mark.parametrize(
    ("cpu", "said"),
    [
        ({"Postgres": 0.97, "track_view": 0.4}, "filled its core, and is to be had more of: Postgres"),
        ({"track_view": 0.1}, "No core was full"),
    ],
)
def test_a_break_says_what_was_full(cpu: dict[str, float], said: str) -> None:
    assert said in _limit(Usage(cpu=cpu))


def test_stress_grows_from_step_to_step() -> None:
    rates = [SCENARIOS["stress"].rate(second) for second in range(0, 400, 20)]
    assert rates[0] == 100
    assert rates == sorted(set(rates))
    assert rates[-1] > 5000


def test_the_mix_has_the_promised_shares_and_ids_that_are_never_sent_twice() -> None:
    shops = [Shop(f"shop-{number}", [f"popup-{number}"], "key") for number in range(20)]
    mix = Mix(World(urls_below("http://host"), shops), random.Random(1))
    sent = [mix.draw() for _ in range(20_000)]
    assert sum(each.name == "get_active_popups" for each in sent) / len(sent) == pytest.approx(
        SHARES["read"] / 100, abs=0.02
    )
    assert sum(each.url.endswith("=shop-0") for each in sent) > 5 * sum(each.url.endswith("=shop-19") for each in sent)
    events = [event for each in sent for event in each.events]
    assert len(events) == len(set(events)) > 1000


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, []),
        ({"p95_ms": 200.0}, ["p95"]),
        ({"failures": 11}, ["errors"]),
        ({"reads": {"HIT": 60, "STALE": 20, "MISS": 20}}, ["cache"]),
        ({"reads": {"HIT": 61, "STALE": 20, "MISS": 19}}, []),
        ({"problems": {"503 database_unavailable": 1}}, ["the pool"]),
    ],
)
def test_each_target_is_judged_by_what_was_measured(change: dict[str, object], failed: list[str]) -> None:
    checks = answer_checks({**GOOD, **change})
    assert [check.target for check in checks if not check.passed] == [
        check.target for check in checks if any(check.target.startswith(word) for word in failed)
    ]
    assert sum(not check.passed for check in checks) == len(failed)


@pytest.mark.parametrize(
    ("counts", "untallied", "passed"), [((10, 0), 0, True), ((10, 1), 0, False), ((10, 0), 1, False), (None, 0, None)]
)
def test_a_lost_or_uncounted_event_fails_the_run(
    counts: tuple[int, int] | None, untallied: int, passed: bool | None
) -> None:
    assert stored_check(counts, untallied).passed is passed


def test_a_world_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text('{"urls": {}, "shops": [{"id": "acme"}]}')
    with pytest.raises(ValueError, match=r"world\.json is no world"):
        read_world(tmp_path / "world.json")


def test_a_run_sends_its_requests_and_finds_every_acknowledged_event(tmp_path: Path) -> None:
    """Whether the targets are met depends on the machine; that nothing is lost does not."""
    report = tmp_path / "report.html"
    command = [sys.executable, "-m", "ops.load", "smoke", "--report", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "pass  every acknowledged event stored exactly once, and counted" in done.stdout, done.stdout + done.stderr
    page = report.read_text()
    assert page.rindex("</head>") < page.rindex('<section id="checklist"') < page.rindex('<div id="root"')
    assert page.count("<tr><td>") == 6
