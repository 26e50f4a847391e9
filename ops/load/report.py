"""The checklist of a run, and its place in the HTML report: the first table of the page that Locust writes."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.load.usage import Usage

# What Locust draws its page into; its script, which comes first, may have the same text.
ROOT_ELEMENT = '<div id="root"'
MOST_P95_MS, MOST_ERRORS, LEAST_HITS, MOST_MIB = 200, 0.001, 0.80, 512


@dataclass(frozen=True)
class Check:
    """A target of the guide and what was measured; `passed` is None where it could not be checked."""

    target: str
    measured: str
    passed: bool | None

    @property
    def verdict(self) -> str:
        return {True: "pass", False: "FAIL", None: "not checked"}[self.passed]


def answer_checks(result: dict[str, Any]) -> list[Check]:
    """Return the checks of what the clients saw. `result` is locustfile.py's."""
    requests, failures, reads = result["requests"], result["failures"], result["reads"]
    served = sum(reads.values())
    hits = (reads["HIT"] + reads["STALE"]) / served if served else 0.0
    busy = sum(count for code, count in result["problems"].items() if code.startswith("503"))
    return [
        Check(
            "p95 below 200 ms, from the time a request was due",
            f"{result['p95_ms']:.0f} ms",
            result["p95_ms"] < MOST_P95_MS,
        ),
        Check("errors below 0.1 %", f"{failures} of {requests:,}", failures <= MOST_ERRORS * requests),
        Check("cache hits over 80 %", f"{hits:.1%} of {served:,} reads", hits > LEAST_HITS),
        Check("the pool of connections never exhausted", f"{busy} answers of 503", busy == 0),
    ]


def memory_check(usage: Usage, functions: Sequence[str]) -> Check:
    own = {name: usage.mib[name] for name in functions if name in usage.mib}
    if not own:
        return Check("every instance below 512 MiB", "only the platform can tell", None)
    name = max(own, key=lambda name: own[name])
    return Check("every instance below 512 MiB", f"{own[name]:.0f} MiB ({name})", own[name] < MOST_MIB)


def stored_check(counts: tuple[int, int] | None, untallied: int = 0) -> Check:
    target = "every acknowledged event stored exactly once, and counted"
    if counts is None:
        return Check(target, "needs DATABASE_URL", None)
    total, missing = counts
    return Check(
        target, f"{total:,} acknowledged, {missing} missing, {untallied} not tallied", missing == 0 and untallied == 0
    )


def as_text(checks: Sequence[Check], notes: Sequence[str]) -> str:
    width = max(len(check.target) for check in checks)
    lines = [f"{check.verdict:>11}  {check.target.ljust(width)}  {check.measured}" for check in checks]
    return "\n".join([*lines, "", *notes])


def as_markdown(title: str, checks: Sequence[Check], notes: Sequence[str]) -> str:
    rows = [f"| {check.target} | {check.measured} | {check.verdict} |" for check in checks]
    return "\n".join([f"# {title}", "", "| target | measured | |", "|---|---|---|", *rows, "", *notes, ""])


def add_to_page(page: Path, title: str, checks: Sequence[Check], notes: Sequence[str]) -> None:
    """Put the checklist and notes in front of everything else on Locust's page."""
    rows = "".join(
        f"<tr><td>{html.escape(check.target)}</td><td>{html.escape(check.measured)}</td>"
        f"<td><strong>{check.verdict}</strong></td></tr>"
        for check in checks
    )
    paragraphs = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    style = "font-family:system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem"
    section = (
        f'<section id="checklist" style="{style}"><h1>{html.escape(title)}</h1><table cellpadding="8">'
        f"<tr><th align=left>target</th><th align=left>measured</th><th align=left></th></tr>{rows}</table>"
        f"{paragraphs}</section>"
    )
    before, root, after = page.read_text().rpartition(ROOT_ELEMENT)
    page.write_text(f"{before}{section}{root}{after}")
