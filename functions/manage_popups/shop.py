"""Reads and changes the merchant's own shop."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from common import cache, postgres
from common.cache import keys
from common.errors import Invalid
from common.shop.addresses import origin, page_pattern
from common.shop.currencies import DECIMALS
from common.shop.events import CONVERSION_TYPES
from common.shop.fields import StrictSchema
from common.shop.orders import credit_for_a_while
from common.web import Request, Response, answers, json_response
from functions.manage_popups.rest.fields import (
    MAX_PATTERN_CHARACTERS,
    optional_time,
    required_name,
    text_list,
    whole_number,
)
from functions.manage_popups.rest.patching import Errors, merged, normalized, retry_lost_edits
from functions.manage_popups.rest.versions import last_edit, refuse_if_stale

MAX_ORIGIN_CHARACTERS = 300
MAX_POPUPS_PER_VISIT = 100
SECONDS_A_DAY = 86_400
# 0 switches a budget off.
MAX_CODES_PER_HOUR = 1_000_000

# The defaults of a new shop; the same as the columns' defaults in sql/.
CHECKOUT_PAGES = (
    "/checkout*", "/checkouts*", "/*/checkout*", "/order-pay*", "/*/order-pay*", "/kasse*", "/*/kasse", "/*/kasse/*",
    "/kassa*", "/commande*", "/*/commande*", "/pagamento*", "/finalizar-compra*", "/afrekenen*",
)  # fmt: skip

# Also returns how often each budget for codes was exhausted, and when the newest event came: the newest rows of 100
# popups at most are read, in the partitions in which an event of the last 30 days may be. NULL if there is none.
SELECT_SHOP = """
    SELECT id, name, time_zone, currency, allowed_origins, popups_per_visit, seconds_between_popups, never_on_pages,
        shop_holdout_percent AS holdout_percent, codes_per_hour, codes_per_network_per_hour,
        code_uses_per_network_per_hour, confirmed_since, (
            SELECT coalesce(jsonb_agg(to_jsonb(met) ORDER BY budget), '[]')
            FROM (
                SELECT budget, sum(refused)::bigint AS refused,
                    to_char(max(last_refused_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS last_met_at
                FROM code_refusals
                WHERE shop_id = :shop_id
                GROUP BY budget
            ) AS met
        ) AS budgets_met, (
            SELECT greatest(max(viewed.at), max(converted.at))
            FROM (
                SELECT id
                FROM popups
                WHERE shop_id = :shop_id
                ORDER BY is_active DESC, updated_at DESC
                LIMIT 100
            ) AS popup
            CROSS JOIN LATERAL (
                SELECT max(viewed_at) AS at
                FROM popup_views
                WHERE popup_views.shop_id = :shop_id AND popup_id = popup.id
                  AND event_id >= first_event_id(now() - interval '38 days') AND viewed_at > now() - interval '30 days'
            ) AS viewed
            CROSS JOIN LATERAL (
                SELECT max(at) AS at
                FROM unnest(:conversion_types::text[]) AS of_type (type)
                CROSS JOIN LATERAL (
                    SELECT max(converted_at) AS at
                    FROM popup_conversions
                    WHERE popup_conversions.shop_id = :shop_id AND popup_id = popup.id
                      AND popup_conversions.type = of_type.type
                      AND event_id >= first_event_id(now() - interval '38 days')
                      AND converted_at > now() - interval '30 days'
                ) AS newest
            ) AS converted
        ) AS last_event_at, created_at, updated_at
    FROM shops
    WHERE id = :shop_id
"""

# Orders that a change of confirmed_since makes confirmed or unconfirmed are credited again.
# A changed holdout begins a new stretch of the shop-wide comparison, whose popup_id is nil.
UPDATE_SHOP = """
    WITH written AS (
        UPDATE shops
        SET name = :name, time_zone = :time_zone, currency = :currency, allowed_origins = :allowed_origins,
            popups_per_visit = :popups_per_visit, seconds_between_popups = :seconds_between_popups,
            never_on_pages = :never_on_pages, shop_holdout_percent = :holdout_percent, codes_per_hour = :codes_per_hour,
            codes_per_network_per_hour = :codes_per_network_per_hour,
            code_uses_per_network_per_hour = :code_uses_per_network_per_hour, confirmed_since = :confirmed_since,
            updated_at = clock_timestamp(),
            shop_holdout_stretch = shop_holdout_stretch + (shop_holdout_percent <> :holdout_percent)::integer
        WHERE id = :shop_id AND updated_at = :read_updated_at
        RETURNING id, name, time_zone, currency, allowed_origins, popups_per_visit, seconds_between_popups,
            never_on_pages, shop_holdout_percent AS holdout_percent, codes_per_hour, codes_per_network_per_hour,
            code_uses_per_network_per_hour, confirmed_since, created_at, updated_at, shop_holdout_stretch,
            ARRAY(SELECT popups.id FROM popups WHERE popups.shop_id = :shop_id AND deleted_at IS NULL) AS popup_ids
    ), waiting AS (
        INSERT INTO orders_to_credit (shop_id, order_id)
        SELECT orders.shop_id, orders.order_id
        FROM written
        CROSS JOIN (
            SELECT coalesce(:confirmed_since::timestamptz, 'infinity') AS now,
                coalesce(:read_confirmed_since::timestamptz, 'infinity') AS before
        ) AS since
        JOIN orders ON orders.shop_id = :shop_id AND orders.source = 'browser' AND orders.state = 'counted'
            AND orders.ordered_at >= least(since.now, since.before)
            AND orders.ordered_at < greatest(since.now, since.before)
        ORDER BY orders.order_id
        ON CONFLICT DO NOTHING
    ), ended AS (
        UPDATE experiment_stretches AS known
        SET ended_at = now()
        FROM written
        WHERE known.shop_id = :shop_id AND known.popup_id = '00000000-0000-0000-0000-000000000000'
          AND known.stretch < written.shop_holdout_stretch AND known.ended_at IS NULL
    )
    SELECT * FROM written
"""

# Postgres has its own list of time zones, by which it dates events.
SELECT_TIME_ZONE = "SELECT name FROM pg_timezone_names WHERE name = :name"


def _check_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError("An IANA time zone such as Europe/Berlin.")


class ShopSchema(StrictSchema):
    """A shop as merchants write it; `checked_shop` checks it as a whole."""

    name = required_name(200)
    time_zone = fields.String(required=True, validate=_check_time_zone)
    currency = fields.String(required=True, validate=validate.Length(equal=3))
    allowed_origins = text_list(MAX_ORIGIN_CHARACTERS)
    popups_per_visit = whole_number(0, MAX_POPUPS_PER_VISIT, 2)
    seconds_between_popups = whole_number(0, SECONDS_A_DAY, 60)
    never_on_pages = text_list(MAX_PATTERN_CHARACTERS, CHECKOUT_PAGES)
    holdout_percent = whole_number(0, 100, 0)
    codes_per_hour = whole_number(0, MAX_CODES_PER_HOUR, 10_000)
    codes_per_network_per_hour = whole_number(0, MAX_CODES_PER_HOUR, 500)
    code_uses_per_network_per_hour = whole_number(0, MAX_CODES_PER_HOUR, 20)
    confirmed_since = optional_time()


_schema = ShopSchema()


def checked_shop(shop: dict[str, Any], stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the shop as it is stored. Raises Invalid, but not for values that are `stored` already."""
    errors: Errors = {}
    lists = {}
    for name, form in {"allowed_origins": origin, "never_on_pages": page_pattern}.items():
        lists[name] = normalized(name, shop[name], form, stored[name] if stored else (), errors)
    if shop["currency"] not in DECIMALS and not (stored and shop["currency"] == stored["currency"]):
        errors["currency"] = ["An active ISO 4217 code such as EUR."]
    if errors:
        raise Invalid(errors=errors)
    return {**shop, **lists}


@answers({200: "Shop"}, headers=("ETag",))
def get_shop(request: Request) -> Response:
    """Get the key's shop."""
    with postgres.connection() as connection:
        shop = _fetch(connection, request.shop_id)
    return json_response(shop, headers={"ETag": last_edit(shop)})


@answers({200: "Shop"}, headers=("ETag",), problems=(409, 412))
def update_shop(request: Request) -> Response:
    """Change the shop by a merge patch."""

    def merge(connection: postgres.Connection) -> postgres.Row | None:
        shop = _fetch(connection, request.shop_id)
        refuse_if_stale(request, last_edit(shop))
        changed = checked_shop(merged(_schema, shop, request.data), shop)
        if changed["time_zone"] != shop["time_zone"]:
            _refuse_unknown_time_zone(connection, changed["time_zone"])
        place = {"shop_id": request.shop_id, "read_updated_at": shop["updated_at"]}
        written = connection.fetch_one(UPDATE_SHOP, **place, **changed, read_confirmed_since=shop["confirmed_since"])
        if written and written["confirmed_since"] != shop["confirmed_since"]:
            credit_for_a_while(connection, request.shop_id)
        return written and {**shop, **written}

    shop = retry_lost_edits(merge)
    # Reports depend on the shop's currency and time zone, and the storefront's answer on its settings.
    popup_stats = [keys.popup_stats(popup_id) for popup_id in shop.pop("popup_ids")]
    del shop["shop_holdout_stretch"]
    cache.forget(keys.active_popups(request.shop_id), keys.shop_stats(request.shop_id), *popup_stats)
    return json_response(shop, headers={"ETag": last_edit(shop)})


def _fetch(connection: postgres.Connection, shop_id: str) -> postgres.Row:
    shop = connection.fetch_one(SELECT_SHOP, shop_id=shop_id, conversion_types=list(CONVERSION_TYPES))
    assert shop is not None, "an API key belongs to a shop"
    return shop


def _refuse_unknown_time_zone(connection: postgres.Connection, name: str) -> None:
    if connection.fetch_one(SELECT_TIME_ZONE, name=name) is None:
        raise Invalid(errors={"time_zone": ["The database does not know this time zone."]})
