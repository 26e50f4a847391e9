"""Reads what an experiment has gathered."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from common import postgres
from common.errors import Invalid
from common.postgres import Row
from common.shop.events import HOLDOUT
from functions.stats.experiments.arms import Arm, arm_of_people
from functions.stats.experiments.queries import SELECT_ARMS, SELECT_EXPERIMENT
from functions.stats.experiments.sequences import DEFAULT_PLANNED_VIEWERS

REVENUE = "revenue"
PURCHASE = "purchase"
# The column that counts the converters of each goal.
COLUMNS = {"email_capture": "captured", "click": "clicked", PURCHASE: "bought", REVENUE: "bought"}
GOALS = tuple(COLUMNS)
# The goal by the popup's offer, unless the merchant asks for another.
GOALS_BY_OFFER = {"email_capture": "email_capture", "newsletter": "email_capture"}
OTHER_GOAL = "click"


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant that is compared, and what its viewers did for the goal."""

    id: str
    name: str
    weight: int
    arm: Arm


@dataclass(frozen=True, slots=True)
class Buyers:
    """What the viewers of an arm bought: as people, and as money."""

    people: Arm
    money: Arm


@dataclass(frozen=True, slots=True)
class Experiment:
    """A popup's experiment, in one stretch.

    `is_exposed` says whether its viewers are those who were exposed, at the same moment in every arm; else they are
    those who viewed.
    """

    goal: str
    currency: str
    stretch: int
    started_at: datetime.datetime | None
    days: float
    planned_viewers: int
    is_exposed: bool
    variants: list[Variant]
    holdout_percent: int
    held_out: Buyers
    shown: Buyers
    crawlers: int
    viewers_in_two_variants: int
    orders_left_out: int
    changes: list[str]


def fetch_experiment(
    shop_id: str, popup_id: uuid.UUID, goal: str | None, stretch: int | None, connection: postgres.Connection
) -> Experiment | None:
    """Return the experiment by a goal, None for the one of the popup's offer; None if there is no such popup.

    `stretch` None means the newest. Raises Invalid for one that has not begun.
    """
    row = connection.fetch_one(SELECT_EXPERIMENT, shop_id=shop_id, popup_id=popup_id, stretch=stretch)
    if row is None:
        return None
    if row["stretch"] > row["newest_stretch"]:
        raise Invalid(errors={"stretch": [f"The newest is {row['newest_stretch']}."]})
    arms = connection.fetch_all(
        SELECT_ARMS, shop_id=shop_id, popup_id=popup_id, stretch=row["stretch"], is_exposed=row["is_exposed"]
    )
    return _experiment(row, arms, goal or GOALS_BY_OFFER.get(row["offer_type"], OTHER_GOAL))


def buyers(rows: Iterable[Row]) -> Buyers:
    """Return the viewers of some variants as one arm."""
    found = list(rows)
    viewers, bought = (sum(row[name] for row in found) for name in ("viewers", "bought"))
    total, squares, cubes = (float(sum(row[name] for row in found)) for name in ("total", "squares", "cubes"))
    return Buyers(arm_of_people(viewers, bought), Arm(viewers, bought, total, squares, cubes))


def _experiment(row: Row, arms: list[Row], goal: str) -> Experiment:
    # Until the first event makes it, a stretch is of the popup as it is; an earlier one without events had none.
    begun = row if row["variants"] is not None else _of_popup(row)
    return Experiment(
        goal=goal,
        currency=begun["currency"],
        stretch=row["stretch"],
        started_at=row["started_at"],
        days=row["days"] or 0.0,
        planned_viewers=begun["experiment"].get("planned_viewers") or DEFAULT_PLANNED_VIEWERS,
        is_exposed=row["is_exposed"],
        variants=_variants(begun["variants"], row["popup_variants"], arms, goal),
        holdout_percent=begun["holdout_percent"],
        held_out=buyers(arm for arm in arms if arm["variant_id"] == HOLDOUT),
        shown=buyers(arm for arm in arms if arm["variant_id"] != HOLDOUT),
        crawlers=row["crawlers"],
        viewers_in_two_variants=sum(arm["in_two"] for arm in arms),
        orders_left_out=sum(arm["left_out"] for arm in arms),
        changes=row["changed"] or [],
    )


def _of_popup(row: Row) -> Row:
    return {
        "variants": row["popup_variants"] if row["stretch"] == row["newest_stretch"] else [],
        "holdout_percent": row["popup_holdout_percent"] if row["stretch"] == row["newest_stretch"] else 0,
        "experiment": row["popup_experiment"],
        "currency": row["shop_currency"],
    }


def _variants(compared: list[Row], of_popup: list[Row], arms: list[Row], goal: str) -> list[Variant]:
    """Return the variants with the names that they have today."""
    names = {variant["id"]: variant.get("name", "") for variant in compared + of_popup}
    rows = {arm["variant_id"]: arm for arm in arms}
    return [
        Variant(variant["id"], names[variant["id"]], variant.get("weight", 0), _arm(rows.get(variant["id"]), goal))
        for variant in compared
    ]


def _arm(row: Row | None, goal: str) -> Arm:
    if row is None:
        return arm_of_people(0, 0)
    return buyers([row]).money if goal == REVENUE else arm_of_people(row["viewers"], row[COLUMNS[goal]])
