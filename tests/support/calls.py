"""For each function one request that it answers with a 2xx: what the tests of every function send."""

from typing import Any, NamedTuple

import requests

from tests.support.client import Client
from tests.support.factories import Shop, conversion, view
from tests.support.stack import FunctionProcess
from tests.support.webhooks import ORDER, signed


class Call(NamedTuple):
    """A method, a path, what is sent as JSON, and headers beyond the key's."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] | None = None


def good_call(name: str, shop: Shop, popup_id: str) -> Call:
    """Return a request with the shop's key that the function of this name answers with a 2xx."""
    calls = {
        "get_active_popups": Call("GET", f"/?shop_id={shop.id}"),
        "track_view": Call("POST", "/", view(popup_id)),
        "track_conversion": Call("POST", "/", conversion(popup_id)),
        "manage_popups": Call("GET", f"/popups/{popup_id}"),
        "stats": Call("GET", f"/popups/{popup_id}"),
        "receive_orders": Call("POST", f"/shopify/{shop.source_id}", ORDER, signed("shopify", "orders/paid", ORDER)),
    }
    return calls[name]


def call(function: FunctionProcess, shop: Shop, popup_id: str, **headers: str) -> requests.Response:
    """Send the function's good call and return the answer; an underscore in a header's name stands for a hyphen."""
    method, path, body, own = good_call(function.name, shop, popup_id)
    named = (own or {}) | {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(function, shop.read_key)(method, path, json=body, headers=named)
