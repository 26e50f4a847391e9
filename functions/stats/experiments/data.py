"""Reads what an experiment has gathered."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field

from common import postgres
from common.postgres import Row
from functions.stats.experiments.arms import Arm, arm_of_people
from functions.stats.experiments.queries import SELECT_ARMS, SELECT_EXPERIMENT

REVENUE = "revenue"
PURCHASE = "purchase"
GOALS = ("email_capture", "click", PURCHASE, REVENUE)
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
class Experiment:
    """A popup's experiment, in one stretch."""

    goal: str
    currency: str
    stretch: int
    started_at: datetime.datetime | None
    days: float
    planned_viewers: int | None
    variants: list[Variant]
    holdout_percent: int
    crawlers: int
    viewers_in_two_variants: int = 0
    changes: list[str] = field(default_factory=list)


def fetch_experiment(
    shop_id: str, popup_id: uuid.UUID, goal: str | None, connection: postgres.Connection
) -> Experiment | None:
    """Return the experiment by a goal, None for the one of the popup's offer; None if there is no such popup."""
    popup = {"shop_id": shop_id, "popup_id": popup_id}
    row = connection.fetch_one(SELECT_EXPERIMENT, **popup)
    if row is None:
        return None
    goal = goal or GOALS_BY_OFFER.get(row["offer_type"], OTHER_GOAL)
    type_ = PURCHASE if goal == REVENUE else goal
    found = connection.fetch_all(SELECT_ARMS, **popup, type=type_, currency=row["currency"])
    arms = {arm["variant_id"]: _arm(arm, by_money=goal == REVENUE) for arm in found}
    return Experiment(
        goal=goal,
        currency=row["currency"],
        stretch=1,
        started_at=row["started_at"],
        days=row["days"] or 0.0,
        planned_viewers=None,
        variants=[
            Variant(variant["id"], variant["name"], variant["weight"], arms.get(variant["id"], arm_of_people(0, 0)))
            for variant in row["variants"]
        ],
        holdout_percent=row["holdout_percent"],
        crawlers=row["crawlers"],
    )


def _arm(row: Row, *, by_money: bool) -> Arm:
    converters = min(row["converters"], row["viewers"])
    if not by_money:
        return arm_of_people(row["viewers"], converters)
    return Arm(row["viewers"], converters, float(row["total"]), float(row["squares"]), float(row["cubes"]))
