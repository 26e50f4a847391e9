"""Brings back a deleted popup, as a draft, as long as its events are kept."""

from __future__ import annotations

import uuid
from typing import Any

from common import postgres
from common.errors import BeingChanged, Conflict, PopupNotFound
from common.web import Request, Response, answers, json_response
from functions.manage_popups.popups.checks import checked
from functions.manage_popups.popups.store import FALLBACK, etag, popup_schema, shown, update
from functions.manage_popups.rest import cached_answers
from functions.manage_popups.rest.edited import load_edited
from functions.manage_popups.rest.idempotency import once
from functions.manage_popups.rest.patching import as_written

# `popups retain` deletes a popup's events and tallies in its first run after these days, and the popup with them.
RESTORABLE_DAYS = 30

# known_codes: of the discount codes that it offered, those that were not deleted since.
SELECT_RESTORABLE_POPUP = """
    SELECT popups.*, popups.experiment, counted.view_count, counted.conversion_count, ARRAY(
            SELECT code.id::text
            FROM discount_codes AS code
            WHERE code.shop_id = :shop_id AND code.id = ANY (ARRAY(
                SELECT named.id::uuid
                FROM jsonb_array_elements(jsonb_build_array(offer) || jsonb_path_query_array(variants, '$[*].offer'))
                    AS each (offer), jsonb_each_text(each.offer) AS named (field, id)
                WHERE named.field IN ('discount_code_id', 'fallback_discount_code_id') AND named.id IS NOT NULL
            ))
        ) AS known_codes
    FROM popups
    CROSS JOIN LATERAL (
        SELECT
            (SELECT coalesce(sum(views), 0)::bigint FROM daily_views AS tally
             WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
            ) AS view_count,
            (SELECT coalesce(sum(conversions), 0)::bigint FROM daily_conversions AS tally
             WHERE tally.shop_id = :shop_id AND tally.popup_id = popups.id AND variant_id <> 'holdout'
            ) AS conversion_count
    ) AS counted
    WHERE shop_id = :shop_id AND id = :id
      AND (deleted_at IS NULL OR deleted_at > now() - make_interval(days => :days))
"""


@answers({200: "Popup"}, headers=("ETag",))
def restore_popup(request: Request, popup_id: uuid.UUID) -> Response:
    """Bring back a deleted popup, as a draft.

    Possible for 30 days after its deletion, with its numbers and its history. Discount codes that were deleted
    meanwhile are taken out of its offers.
    """
    answer = once(request, lambda connection: _restore(connection, request, popup_id))
    cached_answers.forget(request.shop_id, popup_id)
    return answer


def _restore(connection: postgres.Connection, request: Request, popup_id: uuid.UUID) -> Response:
    popup = connection.fetch_one(SELECT_RESTORABLE_POPUP, shop_id=request.shop_id, id=popup_id, days=RESTORABLE_DAYS)
    if popup is None:
        raise PopupNotFound()
    if popup["deleted_at"] is None:
        raise Conflict("This popup is not deleted.")
    stored = as_written(popup_schema, popup)
    draft = load_edited(popup_schema, _as_draft(stored, set(popup["known_codes"])), stored)
    last_version = popup["version"] - 1
    restored = update(
        connection, request, popup, checked(connection, request.shop_id, draft, stored=draft), last_version
    )
    if restored is None:
        raise BeingChanged()
    return json_response(shown(restored), headers={"ETag": etag(restored)})


def _as_draft(popup: dict[str, Any], known_codes: set[str]) -> dict[str, Any]:
    variants = [{**variant, "offer": _with_known_codes(variant["offer"], known_codes)} for variant in popup["variants"]]
    return {
        **popup,
        "status": "draft",
        "offer": _with_known_codes(popup["offer"], known_codes),
        "variants": variants,
    }


def _with_known_codes(offer: dict[str, Any], known_codes: set[str]) -> dict[str, Any]:
    kept = dict(offer)
    if kept.get("discount_code_id") not in (None, *known_codes):
        kept["discount_code_id"] = None
    if kept.get(FALLBACK) not in (None, *known_codes):
        del kept[FALLBACK]
        kept.pop("when_empty", None)
    return kept
