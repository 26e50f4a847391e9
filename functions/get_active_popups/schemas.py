"""What get_active_popups accepts: one parameter.

It is checked here and not by marshmallow, whose import is a tenth of a cold start (`python -m benchmarks start`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common.errors import Invalid

SHOP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ShopQuery:
    """`?shop_id=acme`. Other parameters are ignored: caches and trackers add their own."""

    def load(self, query: Mapping[str, Any]) -> dict[str, str]:
        """The shop's id. Raises Invalid."""
        shop_id = query.get("shop_id")
        if shop_id is None:
            raise Invalid(errors={"shop_id": ["Missing data for required field."]})
        if not SHOP_ID.fullmatch(shop_id):
            raise Invalid(errors={"shop_id": ["Not a shop's id."]})
        return {"shop_id": shop_id}
