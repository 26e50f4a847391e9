"""Verifies a delivery: finds its source, checks the platform's signature, and counts it against the source's limit."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from typing import Any

from common import limits, postgres
from common.errors import MalformedJson, OrderSourceNotFound, Unauthorized
from common.process.bounded import Memory
from common.process.per_process import per_process
from common.shop.order_sources import unseal_secrets
from common.web import Request

SELECT_SOURCE = "SELECT id, shop_id, platform, secrets FROM order_sources WHERE id = :id AND platform = :platform"


def counted_as(request: Request, *, source_id: uuid.UUID) -> str:
    """Return the client as which a delivery counts before its signature is known.

    A platform sends the orders of all its shops from few addresses. So a source that this process has found before
    counts by source and address. Any other id may be invented and counts against its address.
    """
    return f"{request.client} {source_id}" if _seen().get(str(source_id)) else request.client


def verified(request: Request, source_id: uuid.UUID, platform: str, signature: str | None) -> postgres.Row:
    """Return the source whose secret signed the body.

    Raises OrderSourceNotFound, Unauthorized for a signature that is missing or wrong, and RateLimited.
    """
    source = postgres.fetch_one(SELECT_SOURCE, id=source_id, platform=platform)
    if source is None:
        raise OrderSourceNotFound()
    _seen().put(str(source_id), True)
    if not _is_signed(request.body or b"", signature, unseal_secrets(source_id, source["secrets"])):
        raise Unauthorized("The signature is missing or wrong.")
    client = f"source:{source_id}"
    limits.refuse_if_exceeded(limits.hit_in_memory(limits.ORDERS, client) or limits.hit(limits.ORDERS, client))
    return source


def payload_of(request: Request) -> dict[str, Any]:
    """Return the verified body's JSON object, or an empty one for other JSON. Raises MalformedJson.

    More is taken than of our own clients: text that cannot be stored stands beside what is recorded, such as half an
    emoji in the name of an article, and must lose no order.
    """
    try:
        payload = json.loads(request.body or b"")
    except (ValueError, RecursionError):
        raise MalformedJson() from None
    return payload if isinstance(payload, dict) else {}


def _is_signed(body: bytes, signature: str | None, secrets: list[str]) -> bool:
    """Return whether the signature is the base64 of the HMAC-SHA256 of the body with one of the secrets."""
    try:
        given = base64.b64decode(signature or "", validate=True)
    except ValueError:
        return False
    matches = [
        hmac.compare_digest(given, hmac.new(secret.encode(), body, hashlib.sha256).digest()) for secret in secrets
    ]
    return any(matches)


@per_process
def _seen() -> Memory[str, bool]:
    return Memory(10_000)
