"""The report on a popup's experiment: every variant over the popup's whole lifetime."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from common import postgres
from common.cache import Loaded
from common.config import settings
from common.json_text import dumps
from common.postgres import Row, replica
from common.shop.events import HOLDOUT
from functions.stats.experiment import Arm, estimate, verdict
from functions.stats.reports import UNKNOWN_POPUP_SECONDS
from functions.stats.summary import RATE_DECIMALS

# The goal by the popup's offer, unless the merchant asks for another.
GOALS = {"email_capture": "email_capture", "newsletter": "email_capture"}
OTHER_GOAL = "click"
# An expected loss is about a hundredth of a rate, so it gets two more decimals.
LOSS_DECIMALS = RATE_DECIMALS + 2

SELECT_EXPERIMENT = """
    SELECT variants, offer ->> 'type' AS offer_type, holdout_percent
    FROM popups
    WHERE shop_id = :shop_id AND id = :popup_id AND deleted_at IS NULL
"""

SELECT_VIEWERS_BY_VARIANT = """
    SELECT variant_id, sum(viewers)::bigint AS viewers
    FROM daily_views
    WHERE shop_id = :shop_id AND popup_id = :popup_id
    GROUP BY variant_id
"""

SELECT_CONVERSIONS_BY_VARIANT = """
    SELECT variant_id, sum(conversions)::bigint AS conversions
    FROM daily_conversions
    WHERE shop_id = :shop_id AND popup_id = :popup_id AND type = :goal
    GROUP BY variant_id
"""


def load_experiment(shop_id: str, popup_id: uuid.UUID, goal: str | None) -> Loaded:
    """Return the report as JSON. `goal` is the conversion type that counts; None takes the one of the popup's offer."""
    found = replica.read(partial(_fetch_experiment, shop_id, popup_id, goal))
    if found is None:
        return Loaded(None, UNKNOWN_POPUP_SECONDS)
    goal, variants, arms = found
    estimates = estimate(arms) if arms else []
    stop, reason = verdict(arms, estimates)
    leader = max(range(len(arms)), key=lambda index: estimates[index].chance_to_be_best) if stop else None
    report = {
        "popup_id": popup_id,
        "goal": goal,
        "variants": [
            {
                **variant,
                "viewers": arm.viewers,
                "conversions": arm.conversions,
                "rate": round(known.rate, RATE_DECIMALS),
                "credible_interval": [round(end, RATE_DECIMALS) for end in known.credible_interval],
                "chance_to_be_best": round(known.chance_to_be_best, RATE_DECIMALS),
                "expected_loss": round(known.expected_loss, LOSS_DECIMALS),
            }
            for variant, arm, known in zip(variants, arms, estimates, strict=True)
        ],
        "stop": stop,
        "best": None if leader is None else variants[leader]["variant_id"],
        "reason": reason,
    }
    return Loaded(dumps(report), settings().cache_ttl_stats, most_seconds=replica.fresh_seconds())


def _fetch_experiment(
    shop_id: str, popup_id: uuid.UUID, goal: str | None, connection: postgres.Connection
) -> tuple[str, list[dict[str, Any]], list[Arm]] | None:
    """Return the goal, the popup's variants and the data of each; None if there is no such popup."""
    popup = {"shop_id": shop_id, "popup_id": popup_id}
    row = connection.fetch_one(SELECT_EXPERIMENT, **popup)
    if row is None:
        return None
    goal = goal or GOALS.get(row["offer_type"], OTHER_GOAL)
    viewers = {r["variant_id"]: r["viewers"] for r in connection.fetch_all(SELECT_VIEWERS_BY_VARIANT, **popup)}
    converted = connection.fetch_all(SELECT_CONVERSIONS_BY_VARIANT, goal=goal, **popup)
    conversions = {r["variant_id"]: r["conversions"] for r in converted}
    variants = _compared(row, goal)
    # A viewer who converts twice counts once.
    arms = [
        Arm(seen := viewers.get(id_, 0), min(conversions.get(id_, 0), seen))
        for id_ in (variant["variant_id"] for variant in variants)
    ]
    return goal, variants, arms


def _compared(popup: Row, goal: str) -> list[dict[str, Any]]:
    """Return the variants to compare; the holdout only by purchases, since it was shown nothing to click."""
    variants = [{"variant_id": variant["id"], "name": variant["name"]} for variant in popup["variants"]]
    if popup["holdout_percent"] and goal == "purchase":
        variants.append({"variant_id": HOLDOUT, "name": "Holdout"})
    return variants
