"""Creates the example shop, its key and its popups."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.dev.example_shop.popups import CODES, STORIES, waiting
from cli.secrets import write_secret
from cli.shops import create_key, create_shop, shop_exists
from common.postgres.driver import Connection

SHOP_ID = "example"

Call = Callable[[str, str, Any], Any]


def key_file(data: Path) -> Path:
    return data / "example-key"


def prepare_shop(connection: Connection, data: Path) -> str:
    """Create the shop if it does not exist. Return its write key."""
    file = key_file(data)
    if not shop_exists(connection, SHOP_ID):
        create_shop(connection, SHOP_ID, name="Fernwood, 60 days in", time_zone="Europe/Berlin", currency="EUR")
        file.unlink(missing_ok=True)
    if not file.exists():
        write_secret(file, create_key(connection, SHOP_ID, "write", "popups dev"))
    return file.read_text().strip()


def prepare_popups(call: Call) -> list[str]:
    """Create the popups through the merchant API if the shop has none. Return the ids of those with a story.

    `call` sends a method, a path and a body with the shop's key, and returns the answer.
    """
    listed = call("GET", "/manage_popups/popups?fields=name", None)["popups"]
    if listed:
        ids = {popup["name"]: popup["id"] for popup in listed}
        return [ids[story.popup["name"]] for story in STORIES if story.popup["name"] in ids]
    codes = {
        code: call("POST", "/manage_popups/discount-codes", {"code": code, **fields})["id"]
        for code, fields in CODES.items()
    }
    for popup in waiting(datetime.now(UTC)):
        call("POST", "/manage_popups/popups", _with_code(popup, codes))
    return [
        _create_with_history(call, {"status": "active", **_with_code(story.popup, codes)}, story.edits)
        for story in STORIES
    ]


def _create_with_history(call: Call, popup: dict[str, Any], edits: dict[int, dict[str, Any]]) -> str:
    """Create a popup, and edit it as its story says. Return its id."""
    made = call("POST", "/manage_popups/popups", popup)
    for edit in edits.values():
        call("PATCH", f"/manage_popups/popups/{made['id']}", edit)
    return str(made["id"])


def _with_code(popup: dict[str, Any], codes: dict[str, str]) -> dict[str, Any]:
    offer = popup.get("offer", {})
    if "discount_code_id" not in offer:
        return popup
    return {**popup, "offer": {**offer, "discount_code_id": codes[offer["discount_code_id"]]}}
