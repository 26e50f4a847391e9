"""A shop's active popups: read from Postgres, and reduced to what a storefront gets.

Loaded by get_active_popups on a cache miss, and reloaded into the cache by manage_popups after an edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from typing import Any

from common import postgres
from common.cache import Loaded, keys
from common.config import settings
from common.json_text import dumps
from common.shop.addresses import TARGETING_FORMS
from common.shop.targeting_rules import NEWEST_EDITION, unknown_rules

# Short, because a shop may be created any moment.
UNKNOWN_SHOP_SECONDS = 2
# Eight of the largest popups, or more than a hundred ordinary ones.
MAX_ANSWER_BYTES = 512 * 1024
# The public fields of an offer. All others are the merchant's, including those of a newer release.
PUBLIC_OFFER = ("type", "consent_text")

# One row with a NULL id for a shop without active popups, none for an unknown shop.
SELECT_ACTIVE_POPUPS = """
    SELECT popups.id, trigger, design, targeting, frequency, offer, variants, popups.holdout_percent, priority,
        json_build_object(
            'currency', currency,
            'time_zone', time_zone,
            'popups_per_visit', popups_per_visit,
            'seconds_between_popups', seconds_between_popups,
            'never_on_pages', never_on_pages,
            'holdout_percent', shop_holdout_percent
        ) AS shop,
        (SELECT extract(epoch FROM min(change) - now())::float8
         FROM (
            SELECT unnest(ARRAY[scheduled.starts_at, scheduled.ends_at]) AS change
            FROM popups AS scheduled
            WHERE scheduled.shop_id = :shop_id AND scheduled.is_active
            UNION ALL
            SELECT unnest(ARRAY[code.starts_at, code.expires_at])
            FROM popups AS scheduled
            JOIN shown_offers AS offered ON offered.shop_id = :shop_id AND offered.popup_id = scheduled.id
            JOIN discount_codes AS code ON code.shop_id = :shop_id
                AND code.id = (offered.offer ->> 'discount_code_id')::uuid
            WHERE scheduled.shop_id = :shop_id AND scheduled.is_active AND offered.offer ->> 'when_empty' = 'stop'
         ) AS schedule
         WHERE change > now()
        ) AS seconds_to_next_change
    FROM shops
    LEFT JOIN popups ON popups.shop_id = :shop_id
        AND popups.is_active
        AND (starts_at IS NULL OR starts_at <= now())
        AND (ends_at IS NULL OR ends_at > now())
        AND (view_limit IS NULL OR view_limit > (
            SELECT coalesce(sum(views), 0)
            FROM daily_views AS tally
            WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
        ))
        AND (
            SELECT count(*)
            FROM stopping_offers AS stopping
            WHERE stopping.shop_id = :shop_id AND stopping.popup_id = popups.id
        ) = 0
    WHERE shops.id = :shop_id
    ORDER BY priority DESC, popups.created_at DESC, popups.id
    LIMIT 50
"""


def cached_answer(shop_id: str, rules: int = NEWEST_EDITION) -> tuple[str, Callable[[], Loaded], str]:
    """Return key, loader and name of the cached answer to scripts of that edition of the rules.

    Its name is the edition's, also of the newest: releases whose newest editions differ fill the same cache, and what
    one of them gives to its newest scripts has popups whose rules an older script does not know.
    """
    return keys.active_popups(shop_id), partial(load_active_popups, shop_id, rules), f"rules {rules}"


def load_active_popups(shop_id: str, rules: int) -> Loaded:
    """Return the answer to scripts of that edition, fresh at most until the schedule of a popup or code changes it."""
    rows = postgres.fetch_all(SELECT_ACTIVE_POPUPS, shop_id=shop_id)
    if not rows:
        return Loaded(None, UNKNOWN_SHOP_SECONDS)
    next_change = rows[0]["seconds_to_next_change"]
    known = (row for row in rows if row["id"] and not unknown_rules(row["targeting"], rules))
    popups = fitting(map(for_storefront, known))
    return Loaded(
        dumps({"shop_id": shop_id, "shop": rows[0]["shop"], "popups": popups}),
        ttl_seconds=settings().cache_ttl_popups,
        most_seconds=inf if next_change is None else next_change,
    )


def fitting(popups: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the popups that shoppers download: the first one, and each further one that still fits."""
    kept: list[dict[str, Any]] = []
    size = 0
    for popup in popups:
        popup_bytes = len(dumps(popup))
        if not kept or size + popup_bytes <= MAX_ANSWER_BYTES:
            kept.append(popup)
            size += popup_bytes
    return kept


def for_storefront(row: postgres.Row) -> dict[str, Any]:
    """Return a popup without the fields that a shopper must not see."""
    variants = [
        {
            "id": variant["id"],
            "weight": variant["weight"],
            "design": variant["design"],
            "offer": public_offer(variant["offer"]),
        }
        for variant in row["variants"]
    ]
    shown = {name: value for name, value in row.items() if name not in ("shop", "seconds_to_next_change")}
    targeting = with_comparable_addresses(row["targeting"])
    return {**shown, "targeting": targeting, "offer": public_offer(row["offer"]), "variants": variants}


def with_comparable_addresses(targeting: dict[str, Any]) -> dict[str, Any]:
    """Normalize patterns that older releases stored as they were sent; keep those for which that fails."""
    return targeting | {
        name: [_or_as_it_is(form, text) for text in targeting[name]]
        for name, form in TARGETING_FORMS.items()
        if name in targeting
    }


def _or_as_it_is(form: Callable[[str], str], text: str) -> str:
    try:
        return form(text)
    except ValueError:
        return text


def public_offer(offer: dict[str, Any]) -> dict[str, Any]:
    """Return the public part of an offer, or of a variant's changes to it: only whether there is a code."""
    public = {name: offer[name] for name in PUBLIC_OFFER if name in offer}
    if "discount_code_id" in offer:
        public["has_code"] = offer["discount_code_id"] is not None
    return public
