"""`python -m benchmarks.chart` draws docs/images/benchmark.svg from the tables in results/; so does --save."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.report import AIO, FLASK, PEER

RESULTS = Path(__file__).with_name("results")
CHART = RESULTS.parent.parent / "docs" / "images" / "benchmark.svg"

WIDTH, LABELS, BARS, LINE = 720, 250, 380, 26
# Readable on light and dark backgrounds, since an SVG image cannot know which it is on.
TEXT, OURS, OTHERS = "#717c87", "#6c72e8", "#98a2ad"


@dataclass(frozen=True)
class Bar:
    """A row of a result's table, and its label in the chart."""

    result: str
    row: str
    label: str
    ours: bool


PANELS = {
    ("requests/s", "Requests a second, one core"): (
        Bar("reads", FLASK, "an empty function on Flask", ours=False),
        Bar("reads", f"{PEER}: whole answer", "the same on Fastify and ioredis", ours=False),
        Bar("reads", "get_active_popups: whole answer", "get_active_popups", ours=True),
        Bar("reads", AIO, "an empty function on ASGI", ours=False),
    ),
    ("events/s", "Views a second, each committed before it is answered, one core"): (
        Bar("views", "track_view without group commit: a commit a view", "a commit for each request", ours=False),
        Bar("views", f"{PEER}: 1 view a request, one hot popup", "the same on Fastify and pg", ours=False),
        Bar("views", "track_view: 1 view a request, one hot popup", "track_view, one view a request", ours=True),
        Bar("views", f"{PEER}: 20 views a request, one hot popup", "20 views a request on Fastify and pg", ours=False),
        Bar("views", "track_view: 20 views a request, one hot popup", "track_view, 20 views a request", ours=True),
    ),
}


def chart() -> str:
    """Return the chart of the present results as SVG."""
    parts: list[str] = []
    top = 0
    for (column, title), bars in PANELS.items():
        values = {bar: value for bar in bars if (value := measured(bar.result, bar.row, column))}
        parts.append(_text(0, top + 18, title, weight="bold"))
        for line, (bar, value) in enumerate(values.items(), start=1):
            parts.append(_bar(top + 4 + LINE * line, bar, value, max(values.values())))
        top += LINE * (len(values) + 1) + 22
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top - 12}" width="{WIDTH}" role="img"'
    style = f'font-family="system-ui, sans-serif" font-size="14" fill="{TEXT}"'
    title = f"<title>{escape('; '.join(title for _, title in PANELS))}</title>"
    return "\n".join([f"{head} {style}>", title, *parts, "</svg>", ""])


def measured(result: str, row: str, column: str) -> int:
    """Return one number of a table in results/, 0 where that row has not been measured yet."""
    lines = [re.split(r" *\| *", line)[1:-1] for line in (RESULTS / f"{result}.md").read_text().splitlines()]
    columns = next(cells for cells in lines if column in cells)
    cells = next((cells for cells in lines if cells and cells[0] == row), None)
    return int(cells[columns.index(column)].replace(",", "")) if cells else 0


def write() -> None:
    CHART.write_text(chart())


def _bar(top: int, bar: Bar, value: int, longest: int) -> str:
    width = max(2, round(BARS * value / longest))
    rect = f'<rect x="{LABELS}" y="{top}" width="{width}" height="{LINE - 8}" rx="3" fill="{_colour(bar)}"/>'
    label = _text(LABELS - 10, top + 14, bar.label, anchor="end")
    return f"{label}\n{rect}\n{_text(LABELS + width + 8, top + 14, f'{value:,}')}"


def _colour(bar: Bar) -> str:
    return OURS if bar.ours else OTHERS


def _text(x: int, y: int, text: str, *, weight: str = "normal", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    write()
