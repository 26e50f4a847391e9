"""python -m ops.load SCENARIO [--instances N] [--host URL --world FILE] [--seconds S] [--report FILE] [--save]."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import click

from cli.dev.child import StartError
from cli.function_table import FUNCTIONS
from cli.progress import progress
from ops.load.fleet import Fleet, local_fleet
from ops.load.report import Check, add_to_page, answer_checks, as_markdown, as_text, memory_check, stored_check
from ops.load.scenarios import SCENARIOS, Scenario
from ops.load.stored import missing_events, untallied_events
from ops.load.usage import Usage, watched
from ops.load.world import World, read_world, urls_below

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
RESULTS = Path(__file__).with_name("results")
SATURATED = 0.9  # of a core; Locust warns at the same share


def main() -> None:
    options = _parse()
    scenario = SCENARIOS[options.scenario].lasting(options.seconds)
    try:
        with tempfile.TemporaryDirectory(prefix="popups-load-") as name:
            folder = Path(name)
            folder.chmod(0o711)  # Postgres may run as another account
            with _target(options, folder) as fleet:
                passed = _run(scenario, fleet, folder, options)
    except (StartError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if passed else 1)


def _target(options: argparse.Namespace, folder: Path) -> Any:
    if not options.host:
        return local_fleet(folder, options.instances)
    if not options.world:
        raise ValueError("--host needs --world: a JSON file with the shops to visit, see ops/load/README.md")
    world = World(urls_below(options.host), read_world(options.world).shops)
    return nullcontext(Fleet(world, os.environ.get("DATABASE_URL", ""), about=options.host))


def _run(scenario: Scenario, fleet: Fleet, folder: Path, options: argparse.Namespace) -> bool:
    fleet.world.write(folder / "world.json")
    click.echo(f"{scenario.title}; {fleet.about}")
    with _locust(scenario, folder, options) as locust, watched({**fleet.groups, "load": [locust.pid]}) as usage:
        _wait(locust, scenario)
    if not (folder / "result.json").exists():
        raise StartError("Locust ended without a result, see above")
    result = json.loads((folder / "result.json").read_text())
    checks = [*answer_checks(result), memory_check(usage, list(FUNCTIONS)), _stored(fleet, folder)]
    notes = _notes(scenario, result, usage)
    add_to_page(options.report, scenario.title, checks, [fleet.about, *notes])
    click.echo(f"\n{as_text(checks, notes)}\n\n{options.report}")
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{scenario.name}.md").write_text(as_markdown(scenario.title, checks, [fleet.about, *notes]))
    return all(check.passed is not False for check in checks)


def _locust(scenario: Scenario, folder: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("locust")
    words = ["--headless", "--users", "1", "--only-summary", "--html", options.report, "--loglevel", "WARNING"]
    environ = {
        "LOAD_FOLDER": str(folder),
        "LOAD_SCENARIO": scenario.name,
        "LOAD_SECONDS": str(scenario.seconds),
        "LOAD_SEED": str(options.seed),
    }
    return subprocess.Popen([program, "-f", LOCUSTFILE, *words], env={**os.environ, **environ})


def _wait(locust: subprocess.Popen[bytes], scenario: Scenario) -> None:
    """Show how far it is, until it ends: at the latest when the last answers may have come."""
    with progress(None, scenario.name, scenario.seconds) as seconds:
        while locust.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                locust.wait(1)
            seconds.update(1)


def _stored(fleet: Fleet, folder: Path) -> Check:
    if not fleet.database_url:
        return stored_check(None)
    counts = missing_events(fleet.database_url, folder / "acknowledged.txt")
    # On a deployment others write too.
    ours = [shop.id for shop in fleet.world.shops] if fleet.groups else []
    return stored_check(counts, untallied_events(fleet.database_url, ours))


def _notes(scenario: Scenario, result: dict[str, Any], usage: Usage) -> list[str]:
    """Say where it broke and what was busy: what ends first is what to have more of."""
    notes = []
    if result["bad_windows"]:
        second = result["bad_windows"][0]
        notes.append(f"First missed at {scenario.rate(second):.0f} requests a second, {second} s after the start.")
    if result["problems"]:
        notes.append("Refused: " + ", ".join(f"{count} times {code}" for code, count in result["problems"].items()))
    busiest = sorted(usage.cpu.items(), key=lambda item: -item[1])
    if busiest:
        notes.append("Highest CPU, in cores: " + ", ".join(f"{group} {cores:.2f}" for group, cores in busiest))
    if result["bad_windows"]:
        notes.append(_limit(usage))
    if usage.cpu.get("load", 0) > SATURATED:
        notes.append("The load itself filled its core: latencies are those of the sender. Use another machine.")
    return notes


def _limit(usage: Usage) -> str:
    """Say what to have more of: what filled its core, or else the cores of the whole machine."""
    full = [group for group, cores in usage.cpu.items() if cores > SATURATED]
    if full:
        return f"What filled its core, and is to be had more of: {', '.join(full)}."
    together, cores = sum(usage.cpu.values()), os.cpu_count() or 1
    if together > SATURATED * cores:
        return f"Nothing filled a core alone, but all of them the machine's {cores}: together {together:.1f} at most."
    return "No core was full: something else of the machine was busy, or a lock was waited for."


def _parse() -> argparse.Namespace:
    about = "\n".join(f"  {name:8} {scenario.about}" for name, scenario in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="python -m ops.load",
        description="Sends a shop's traffic at fixed rates, and judges the answers by the guide's targets.",
        epilog=f"scenarios:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", choices=SCENARIOS, metavar="scenario")
    parser.add_argument("--instances", type=int, default=1, choices=range(1, 11), help="of each function, locally (1)")
    parser.add_argument("--host", help="a deployment's address, below which the functions answer by name")
    parser.add_argument("--world", type=Path, help="the shops of --host")
    parser.add_argument("--report", type=Path, default=Path("load-report.html"), help="load-report.html")
    parser.add_argument("--seconds", type=int, choices=range(5, 86_401), metavar="S", help="another length")
    parser.add_argument("--save", action="store_true", help="also write the checklist to ops/load/results/SCENARIO.md")
    parser.add_argument("--seed", type=int, default=1, help="of the random requests (1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
