"""A shop's popups in a report: ranked by converters of the goal, a page at a time."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from common.postgres import Row
from common.web import Request, decode_cursor, encode_cursor
from functions.stats.figures import Figures, Report

# What a popup is ranked by, from the first: (-converters, -viewers, -views, its id as text).
Rank = tuple[int, int, int, str]


class Page(NamedTuple):
    """At most `limit` popups after the rank `after`, and what makes the cursor to the next page."""

    limit: int
    after: Rank | None
    cursor_after: Callable[[Rank], str | None]


def page_of(request: Request) -> Page:
    """Return the page that a request asks for. Raises Invalid for a cursor of something else."""
    position = decode_cursor(request, int, int, int, _popup_id)
    after: Rank | None = tuple(position) if position else None
    return Page(request.query["limit"], after, lambda rank: encode_cursor(request, [str(part) for part in rank]))


def everything(limit: int) -> Page:
    """Return the page with all popups up to the limit, without a cursor."""
    return Page(limit, None, lambda rank: None)  # noqa: ARG005


def ranked(
    popups: list[Row], report: Report, goal: str, page: Page, shown: Callable[[Figures], dict[str, Any]]
) -> dict[str, Any]:
    """Return the page's popups with their figures, most converters first, and the cursor to the next page."""
    ranks = {popup["id"]: _rank(popup["id"], report.of("popup_id", popup["id"]), goal) for popup in popups}
    in_order = sorted(popups, key=lambda popup: ranks[popup["id"]])
    rest = [popup for popup in in_order if page.after is None or ranks[popup["id"]] > page.after]
    listed = rest[: page.limit]
    return {
        "popups": [
            {"popup_id": popup["id"], "name": popup["name"], "status": popup["status"]}
            | shown(report.of("popup_id", popup["id"]))
            for popup in listed
        ],
        "next_cursor": page.cursor_after(ranks[listed[-1]["id"]]) if len(rest) > len(listed) else None,
    }


def _rank(popup_id: uuid.UUID, figures: Figures, goal: str) -> Rank:
    return -figures.converters[goal], -figures.viewers, -figures.views, str(popup_id)


def _popup_id(text: str) -> str:
    return str(uuid.UUID(text))
