"""The query of get_active_popups.

Checked by hand, because marshmallow's import is a tenth of a cold start (`python -m benchmarks start`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.errors import Invalid
from common.shop.targeting_rules import FIRST_EDITION, NEWEST_EDITION

SHOP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RULES = re.compile(r"[1-9][0-9]{0,2}")


class ShopQuery:
    """`?shop_id=acme&rules=1`. Other parameters are ignored, because caches and trackers add their own."""

    def load(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return the shop's id, and the script's edition of the rules, capped at ours. Raises Invalid."""
        shop_id, rules = query.get("shop_id"), query.get("rules", str(FIRST_EDITION))
        errors = {}
        if shop_id is None:
            errors["shop_id"] = ["Missing data for required field."]
        elif not SHOP_ID.fullmatch(shop_id):
            errors["shop_id"] = ["Not a shop's id."]
        if not RULES.fullmatch(rules):
            errors["rules"] = ["A whole number from 1."]
        if errors:
            raise Invalid(errors=errors)
        return {"shop_id": shop_id, "rules": min(int(rules), NEWEST_EDITION)}
