"""When an edit begins a new stretch of a popup's experiment. Pure comparison, no database.

Viewers of what is compared now and of what was compared before must not be added up: an edit of the variants, of what
any of them looks like or offers, of the holdout or of the plan begins to count anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.json_text import dumps, loads

# What may change for all variants alike, by the name in the report.
MIDWAY = {
    "trigger": ("trigger",),
    "targeting": ("targeting",),
    "frequency": ("frequency",),
    "schedule": ("starts_at", "ends_at"),
}


def begins_stretch(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether the popup compares something else after the edit than before."""
    return bool(_compared(_plain(before)) != _compared(_plain(after)))


def changed_midway(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what the edit changed for all variants alike."""
    old, new = _plain(before), _plain(after)
    return [name for name, fields in MIDWAY.items() if any(old.get(field) != new.get(field) for field in fields)]


def _compared(popup: Mapping[str, Any]) -> Any:
    """Return what viewers are compared by; None where there is nothing to compare."""
    variants = popup["variants"]
    if len(variants) < 2 and not popup["holdout_percent"]:
        return None
    shown = variants or [{}]
    return {
        "variants": [
            (
                variant.get("id"),
                variant.get("weight"),
                popup["design"] | variant.get("design", {}),
                popup["offer"] | variant.get("offer", {}),
            )
            for variant in shown
        ],
        "holdout_percent": popup["holdout_percent"],
        "experiment": popup.get("experiment"),
    }


def _plain(popup: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that matter as JSON has them, since a stored popup and an edited one differ in types."""
    names = ("variants", "holdout_percent", "design", "offer", "experiment", *sum(MIDWAY.values(), ()))
    plain: dict[str, Any] = loads(dumps({name: popup.get(name) for name in names}))
    return plain
