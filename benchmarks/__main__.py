"""python -m benchmarks [scenario …] [--rounds N] [--seconds S] [--quoted] [--save]."""

from __future__ import annotations

import argparse
import sys

from benchmarks import chart
from benchmarks.load import find_wrk
from benchmarks.report import describe_machine
from benchmarks.run import Run
from benchmarks.scenarios import QUOTED, SCENARIOS
from benchmarks.servers import running_bench
from benchmarks.shop import make_shops
from cli.dev.child import StartError

ABOUT = """\
Measures the functions beside two that do nothing, beside plain SQL, and beside a peer on Node (benchmarks/peer).
Everything runs on this machine: a function on one core; Postgres, Valkey and the load on another."""
LEGEND = """\
a no-op on Flask or ASGI  a function that answers 2 kB and does nothing else
Node peer                 Fastify, pg and ioredis, answering the same requests; it stores less
one hot popup             every event is of one popup, whose tallies all of them change
of …                      requests a second as a ratio to that target's, in the same round
lost                      events that were acknowledged and are not in the table"""


def main() -> None:
    options = _parse()
    try:
        names = options.scenarios or ["functions"]
        if any(SCENARIOS[name].needs_wrk for name in names):
            find_wrk()
        machine = describe_machine()
        print(machine, flush=True)
        with running_bench() as bench:
            run = Run(bench, make_shops(bench), options.rounds, options.seconds)
            for name in names:
                run.rounds, run.seconds = QUOTED[name] if options.quoted else (options.rounds, options.seconds)
                _measure(name, run, machine, save=options.save)
        if options.save:
            chart.write()
    except StartError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _measure(name: str, run: Run, machine: str, *, save: bool) -> None:
    scenario = SCENARIOS[name]
    print(f"\n## {scenario.title}\n", flush=True)
    result = scenario.measure(run)
    print(result, flush=True)
    if save:
        command = f"python -m benchmarks {name} --rounds {run.rounds} --seconds {run.seconds} --save"
        text = f"# {scenario.title}\n\n`{command}`\n\n{result}\n\n{machine}\n"
        (chart.RESULTS / f"{name}.md").write_text(text)


def _parse() -> argparse.Namespace:
    longest = max(map(len, SCENARIOS))
    scenarios = "\n".join(f"  {name:{longest}}  {scenario.title}" for name, scenario in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=ABOUT,
        epilog=f"scenarios:\n{scenarios}\n\n{LEGEND}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help="of those below (functions)")
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="how often each target is measured, in turn (5)"
    )
    parser.add_argument("--seconds", type=int, default=3, metavar="S", help="how long each time (3)")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/SCENARIO.md and the chart, too")
    parser.add_argument(
        "--quoted", action="store_true", help="what README and docs quote, as long as that takes: 15 min"
    )
    options = parser.parse_args()
    if unknown := set(options.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds are 1 at least")
    if options.quoted:
        if unquoted := set(options.scenarios) - set(QUOTED):
            parser.error(f"not quoted: {', '.join(sorted(unquoted))}")
        options.scenarios = options.scenarios or list(QUOTED)
    return options


if __name__ == "__main__":
    main()
