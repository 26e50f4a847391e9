"""The measured shop: a key, ten active popups, and a hundred for views that are spread over popups."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import requests

from benchmarks.servers import Bench
from common.config import load
from common.postgres.connect import connect
from common.postgres.driver import Connection
from common.shop import api_keys

SHOWN, SPREAD = "shown", "spread"
POPUPS = {SHOWN: 10, SPREAD: 100}

INSERT_SHOP = "INSERT INTO shops (id, name) VALUES (:id, :id)"


@dataclass(frozen=True)
class Shop:
    id: str
    key: str
    popup_ids: list[str]


def make_shops(bench: Bench) -> dict[str, Shop]:
    """Create a shop for each of POPUPS, with its popups made through the merchant API."""
    connection = Connection(connect(load({"DATABASE_URL": bench.database_url})))
    shops = {}
    for shop_id, count in POPUPS.items():
        key = api_keys.new_key()
        connection.execute(INSERT_SHOP, id=shop_id)
        api_keys.insert_key(connection, shop_id, "write", "benchmarks", key)
        shops[shop_id] = Shop(shop_id, key, _make_popups(bench, key, count))
    # As autovacuum does within a minute, so that plans do not change during a run. It analyzes no empty table: what is
    # planned for one would read it whole.
    connection.execute("ANALYZE shops, popups")
    connection.close()
    return shops


def _make_popups(bench: Bench, key: str, count: int) -> list[str]:
    url = f"{bench.function('manage_popups').url}/popups"
    with requests.Session() as http:
        http.headers["Authorization"] = f"Bearer {key}"
        answers = [http.post(url, json=_popup(number), timeout=10) for number in range(count)]
    for answer in answers:
        answer.raise_for_status()
    return [answer.json()["id"] for answer in answers]


def _popup(number: int) -> dict[str, Any]:
    return {
        "name": f"Popup {number}",
        "status": "active",
        "priority": number,
        "design": {"heading": f"Leaving already? ({number})", "subheading": "Take 10 % with you.", "button_text": "Go"},
        "targeting": {"include_pages": ["/products/*"], "exclude_pages": ["/checkout*"]},
        "offer": {"type": "email_capture", "consent_text": "I agree to receive e-mail."},
    }


def view_body(popup_id: str, event_id: str) -> bytes:
    """Return a view as the storefront script sends it, by a new visitor."""
    view = {"event_id": event_id, "popup_id": popup_id, "session_id": event_id, "visitor_id": event_id}
    return json.dumps(view | {"device_type": "desktop", "page_url": "https://shop.example/products/1"}).encode()
