"""The demo shop of `popups dev`: its key, its popups, and commands to try."""

import http.client
import json
from pathlib import Path
from typing import Any

from cli.dev.child import StartError
from cli.secrets import write_secret
from cli.shops import create_key, create_shop, shop_exists
from common.ids import new_id
from common.postgres.driver import Connection

SHOP_ID = "demo"

INSERT_DISCOUNT_CODE = """
    INSERT INTO discount_codes (id, shop_id, code, type, value)
    VALUES (:id, :shop_id, :code, :type, :value)
    ON CONFLICT ON CONSTRAINT discount_codes_shop_code_key DO UPDATE SET updated_at = now()
    RETURNING id
"""

CODES = {"WELCOME10": ("percentage", "10"), "GREEN5": ("fixed", "5"), "SHIPFREE": ("fixed", "4.90")}

LEAVING: dict[str, Any] = {
    "name": "Ten percent for an address",
    "status": "active",
    "priority": 10,
    "trigger": {"type": "exit_intent"},
    "design": {
        "heading": "Leaving so soon?",
        "subheading": "Take ten percent off your first order with you.",
        "button_text": "Send me my code",
        "layout": "centered",
    },
    "targeting": {"exclude_pages": ["/thank-you*"]},
    "offer": {
        "type": "email_capture",
        "discount_code_id": "WELCOME10",
        "consent_text": "Write to me about plants and offers. I can unsubscribe at any time.",
    },
}

READING: dict[str, Any] = {
    "name": "Five off for a reader",
    "status": "active",
    "trigger": {"type": "scroll_percentage", "scroll_percentage": 70},
    "design": {
        "heading": "5 off, today",
        "subheading": "For everyone who looks this closely.",
        "button_text": "Show my code",
        "background_color": "#14532d",
        "text_color": "#f0fdf4",
        "button_color": "#bbf7d0",
        "layout": "right",
        "width": 380,
    },
    "targeting": {"include_pages": ["/product*"]},
    "offer": {"type": "discount", "discount_code_id": "GREEN5"},
}

HESITATING: dict[str, Any] = {
    "name": "Free shipping for a full cart",
    "status": "active",
    "trigger": {"type": "inactivity", "delay_seconds": 20},
    "design": {
        "heading": "Shipping is on us",
        "subheading": "Finish your order now and we send it for nothing.",
        "button_text": "Ship it free",
        "button_color": "#b45309",
        "layout": "left",
        "width": 420,
        "border_radius": 4,
    },
    "targeting": {"include_pages": ["/cart*"]},
    "offer": {"type": "free_shipping", "discount_code_id": "SHIPFREE"},
}


def prepare_shop(connection: Connection, key_file: Path) -> tuple[str, dict[str, str]]:
    """Create the shop if it does not exist. Return its write key and the ids of its discount codes."""
    if not shop_exists(connection, SHOP_ID):
        create_shop(connection, SHOP_ID, name="The demo store", time_zone="Europe/Berlin", currency="EUR")
        key_file.unlink(missing_ok=True)
    if not key_file.exists():
        write_secret(key_file, create_key(connection, SHOP_ID, "write", "popups dev"))
    return key_file.read_text().strip(), {code: _discount_code(connection, code) for code in CODES}


def prepare_popups(port: int, key: str, codes: dict[str, str]) -> str:
    """Create the popups through the merchant API if the shop has none. Return the id of one with exit intent."""
    listed = call(port, key, "GET", "/manage_popups/popups")["popups"]
    if not listed:
        for popup in (HESITATING, READING, LEAVING):
            offer = popup["offer"] | {"discount_code_id": codes[popup["offer"]["discount_code_id"]]}
            listed.insert(0, call(port, key, "POST", "/manage_popups/popups", popup | {"offer": offer}))
    leaving = [popup["id"] for popup in listed if popup["trigger"]["type"] == "exit_intent"]
    return str((leaving or [listed[0]["id"]])[0])


def lines_to_try(address: str, key: str, popup_id: str) -> list[str]:
    """Return command lines to copy and run."""
    bearer = f"-H 'Authorization: Bearer {key}'"
    view = json.dumps({"popup_id": popup_id, "session_id": "a-terminal"})
    return [
        f"curl '{address}/get_active_popups?shop_id={SHOP_ID}'",
        f"curl -H 'Content-Type: application/json' -d '{view}' {address}/track_view",
        f"curl {bearer} {address}/stats/popups/{popup_id}",
        f"curl {bearer} {address}/manage_popups/popups",
    ]


def _discount_code(connection: Connection, code: str) -> str:
    kind, value = CODES[code]
    row = connection.fetch_one(INSERT_DISCOUNT_CODE, id=new_id(), shop_id=SHOP_ID, code=code, type=kind, value=value)
    assert row is not None
    return str(row["id"])


def call(port: int, key: str, method: str, path: str, body: Any = None) -> Any:
    """Send a request to the running server and return its answer. Raises StartError for a refusal."""
    raw = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    raw.request(method, path, None if body is None else json.dumps(body), headers)
    response = raw.getresponse()
    answer = json.loads(response.read())
    raw.close()
    if response.status >= 400:
        raise StartError(f"a shop could not be made: {method} {path} answered {answer}")
    return answer
