"""Rows that tests start from, each test its own: shops with their keys, popups, discount codes; and events to send."""

import datetime
import hashlib
import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from common.json_text import dumps
from common.shop.api_keys import new_key
from common.shop.order_sources import seal_secrets
from functions.manage_popups.popups.schemas import PopupSchema
from tests.support.stack import Database
from tests.support.webhooks import SECRET

DOCUMENTS = ("trigger", "design", "targeting", "frequency", "offer", "variants", "experiment")


@dataclass(frozen=True)
class Shop:
    """A shop, a key that may write and one that may only read."""

    id: str
    write_key: str
    read_key: str
    source_id: uuid.UUID

    @property
    def writer(self) -> dict[str, str]:
        """The headers of a merchant's request."""
        return {"Authorization": f"Bearer {self.write_key}"}

    @property
    def reader(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.read_key}"}


def make_shop(database: Database, *, with_source: bool = True, **fields: Any) -> Shop:
    """Create a shop with an id of its own; without an order source for a schema that has none yet."""
    row = {"id": f"shop-{uuid.uuid4().hex[:12]}", "name": "A shop", "time_zone": "UTC", "currency": "USD"}
    row |= {"allowed_origins": []} | fields
    insert(database, "shops", **row)
    write_key, read_key = (make_key(database, row["id"], rights) for rights in ("write", "read"))
    source_id = make_order_source(database, row["id"]) if with_source else uuid.UUID(int=0)
    return Shop(row["id"], write_key, read_key, source_id)


def make_order_source(database: Database, shop_id: str, platform: str = "shopify", **fields: Any) -> uuid.UUID:
    """Create an order source whose webhooks are signed with SECRET and return its id."""
    id_ = uuid.UUID(uuid7())
    row = {"id": id_, "shop_id": shop_id, "platform": platform, "secrets": seal_secrets(id_, [SECRET])} | fields
    insert(database, "order_sources", **row)
    return id_


def make_key(database: Database, shop_id: str, rights: str, **fields: Any) -> str:
    key = new_key()
    sha256 = hashlib.sha256(key.encode()).digest()
    row = {"id": uuid7(), "shop_id": shop_id, "rights": rights, "prefix": key[:12], "key_sha256": sha256} | fields
    insert(database, "api_keys", **row)
    return key


def make_popup(database: Database, shop: Shop | str, **fields: Any) -> str:
    """Store a popup as manage_popups does, active unless `fields` say otherwise, and return its id.

    It goes past the cache: make it before the shop's popups are first asked for.
    """
    shop_id = shop if isinstance(shop, str) else shop.id
    popup = PopupSchema().load({"name": "A popup", "status": "active", **fields})
    popup |= {name: dumps(popup[name]).decode() for name in DOCUMENTS}
    popup_id = uuid7()
    insert(database, "popups", id=popup_id, shop_id=shop_id, **popup)
    return popup_id


def make_discount_code(database: Database, shop: Shop | str, codes: Iterable[str] = (), **fields: Any) -> str:
    """Store a discount code, or with `codes` a pool of single-use ones, and return its id."""
    shop_id = shop if isinstance(shop, str) else shop.id
    pool = list(codes)
    code_id = uuid7()
    row = {"code": f"SAVE-{uuid.uuid4().hex[:8]}", "type": "percentage", "value": 10, "single_use": bool(pool)} | fields
    insert(database, "discount_codes", id=code_id, shop_id=shop_id, **row)
    for code in pool:
        insert(database, "single_use_codes", shop_id=shop_id, discount_code_id=code_id, code=code)
    return code_id


def order_source_ids(database: Database, shop: Shop) -> dict[str, str]:
    """Create an order source and a customer's request that it passed on; return their ids by their names in paths."""
    ids = {"source_id": str(make_order_source(database, shop.id)), "request_id": f"customer-{uuid.uuid4().hex[:8]}"}
    insert(database, "order_source_requests", shop_id=shop.id, **ids)
    return ids


def insert(database: Database, table: str, **row: Any) -> None:
    database(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})", **row)


def uuid7(at: datetime.datetime | None = None, random: Random | None = None) -> str:
    """Return a version-7 UUID of that instant, by default of now; its other bits are from `random` if given."""
    milliseconds = int(at.timestamp() * 1000) if at else time.time_ns() // 1_000_000
    value = milliseconds << 80 | (random.getrandbits(80) if random else int.from_bytes(os.urandom(10)))
    return str(uuid.UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 7 << 76 | 2 << 62))


def view(popup_id: str, **fields: Any) -> dict[str, Any]:
    """Return a view of a visit of its own."""
    return {"event_id": uuid7(), "popup_id": popup_id, "session_id": f"session-{uuid.uuid4()}", **fields}


def conversion(popup_id: str, type: str = "click", **fields: Any) -> dict[str, Any]:  # noqa: A002
    return view(popup_id, type=type, **fields)


def capture(popup_id: str, email: str, **fields: Any) -> dict[str, Any]:
    return conversion(popup_id, "email_capture", email=email, **fields)


def purchase(popup_id: str, order_id: str, revenue: str = "10.00", **fields: Any) -> dict[str, Any]:
    return conversion(popup_id, "purchase", order_id=order_id, revenue=revenue, currency="USD", **fields)
