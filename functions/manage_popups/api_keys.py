"""Creates, reads, lists and revokes API keys. The key itself is shown once, and not stored."""

from __future__ import annotations

import json
import secrets
import uuid

from marshmallow import fields, validate

from common import postgres
from common.errors import Conflict, NotFound, Unauthorized
from common.shop import api_keys
from common.shop.fields import StrictSchema
from common.web import Request, Response, answers, json_response
from functions.manage_popups.rest.fields import optional_name
from functions.manage_popups.rest.idempotency import once

SELECT_API_KEYS = """
    SELECT id, name, prefix, rights, created_at, last_used_at
    FROM api_keys
    WHERE shop_id = :shop_id AND revoked_at IS NULL
    ORDER BY created_at DESC, id DESC
"""

SELECT_KEY_IN_USE = """
    SELECT id, name, prefix, rights, shop_id
    FROM api_keys
    WHERE shop_id = :shop_id AND id = :id AND revoked_at IS NULL
"""

# The keys that may write are locked first, in the order of their ids: if two calls revoke the last two at once, the
# second waits and then finds only one.
REVOKE_API_KEY = """
    WITH writer AS MATERIALIZED (
        SELECT id
        FROM api_keys
        WHERE shop_id = :shop_id AND rights = 'write' AND revoked_at IS NULL
        ORDER BY id
        FOR NO KEY UPDATE
    ), revoked AS (
        UPDATE api_keys
        SET revoked_at = now()
        WHERE shop_id = :shop_id AND id = :id AND revoked_at IS NULL
          AND (rights = 'read' OR EXISTS (SELECT FROM writer WHERE id <> :id))
        RETURNING id
    )
    SELECT EXISTS (SELECT FROM revoked) AS is_revoked, EXISTS (SELECT FROM writer WHERE id = :id) AS may_write
"""


class ApiKeySchema(StrictSchema):
    """A new API key."""

    name = optional_name(200)
    rights = fields.String(required=True, validate=validate.OneOf(api_keys.RIGHTS))


@answers({201: "NewApiKey"}, headers=("Location",))
def create_api_key(request: Request) -> Response:
    """Create an API key, which only this answer shows."""
    # The key is in the answer, also in a replayed one, but never in the stored one. That has a salt instead, from which
    # only the holder of the calling key can derive the new key again.
    answer = once(request, lambda connection: _insert(connection, request))
    made = json.loads(answer.body)
    key = _key(request, made.pop("salt"))
    return json_response({**made, "key": key}, answer.status, answer.headers)


@answers({200: "KeyInUse"})
def get_key(request: Request) -> Response:
    """Get the API key in use: its shop and its rights."""
    key = postgres.fetch_one(SELECT_KEY_IN_USE, shop_id=request.shop_id, id=request.key_id)
    if key is None:
        raise Unauthorized(headers={"WWW-Authenticate": "Bearer"})  # revoked a moment ago
    return json_response(key)


@answers({200: "ApiKeys"})
def list_api_keys(request: Request) -> Response:
    """List the shop's API keys."""
    return json_response({"api_keys": postgres.fetch_all(SELECT_API_KEYS, shop_id=request.shop_id)})


@answers({204: None}, problems=(409,))
def revoke_api_key(request: Request, key_id: uuid.UUID) -> Response:
    """Revoke an API key."""
    found = postgres.fetch_one(REVOKE_API_KEY, shop_id=request.shop_id, id=key_id)
    assert found is not None, "a SELECT of two EXISTS"
    if found["is_revoked"]:
        return Response(204)
    if found["may_write"]:
        raise Conflict("This is the shop's last key that may write. Create another one first.")
    raise NotFound("There is no such API key.")


def _insert(connection: postgres.Connection, request: Request) -> Response:
    salt = secrets.token_hex()
    row = api_keys.insert_key(
        connection, request.shop_id, request.data["rights"], request.data["name"], _key(request, salt)
    )
    return json_response({**row, "salt": salt}, 201, {"Location": f"/api-keys/{row['id']}"})


def _key(request: Request, salt: str) -> str:
    calling_key = request.headers["authorization"].split()[-1]  # without the scheme, whose case may vary
    return api_keys.derived_key(calling_key, salt)
