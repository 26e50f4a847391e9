"""The main job once, over HTTP: a popup is made and shown, a shopper leaves an address, the merchant reads it."""

import uuid
from collections.abc import Mapping

import requests

from tests.support.factories import make_shop
from tests.support.stack import Database, eventually


def do_main_job(url: Mapping[str, str], database: Database) -> None:
    """`url` has the address of each function by its name."""
    shop = make_shop(database)
    popup_id = _make_popup(url["manage_popups"], shop.writer)

    def shown() -> bool:
        answer = requests.get(url["get_active_popups"], params={"shop_id": shop.id}, timeout=10)
        return popup_id in answer.text

    eventually(shown)
    event = {"event_id": str(uuid.uuid4()), "popup_id": popup_id, "session_id": "visit", "visitor_id": "browser"}
    for _ in range(2):
        assert requests.post(url["track_view"], json=event, timeout=10).status_code == 202
    conversion = {**event, "event_id": str(uuid.uuid4()), "type": "email_capture", "email": "someone@example.com"}
    recorded = requests.post(url["track_conversion"], json=conversion, timeout=10)
    assert recorded.status_code == 201, recorded.text

    def counted() -> bool:
        result = requests.get(f"{url['stats']}/popups/{popup_id}", headers=shop.reader, timeout=10).json()
        return (result["views"], result["unique_viewers"], result["conversions"]) == (1, 1, 1)

    eventually(counted)


def _make_popup(address: str, headers: dict[str, str]) -> str:
    popup = {"name": "Leaving", "status": "active", "offer": {"type": "email_capture", "consent_text": "Write to me."}}
    made = requests.post(f"{address}/popups", json=popup, headers=headers, timeout=10)
    assert made.status_code == 201, made.text
    popup_id: str = made.json()["id"]
    return popup_id
