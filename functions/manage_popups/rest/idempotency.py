"""Idempotency-Key: a POST that is repeated within 24 hours gets the first answer again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from common import postgres
from common.errors import IdempotencyKeyReused, MalformedHeader
from common.json_text import dumps
from common.postgres import Duplicate
from common.web import Request, Response

DELETE_EXPIRED_KEY = """
    DELETE FROM idempotency_keys
    WHERE shop_id = :shop_id AND key = :key AND created_at < now() - interval '24 hours'
"""

# If two requests arrive at once, the second waits here until the first has committed, and is then a duplicate.
INSERT_IDEMPOTENCY_KEY = """
    INSERT INTO idempotency_keys (shop_id, key, request_sha256)
    VALUES (:shop_id, :key, :request_sha256)
"""
CLAIMED = "idempotency_keys_pkey"

SELECT_STORED_ANSWER = """
    SELECT request_sha256, status, headers, body
    FROM idempotency_keys
    WHERE shop_id = :shop_id AND key = :key
"""

UPDATE_STORED_ANSWER = """
    UPDATE idempotency_keys
    SET status = :status, headers = :headers, body = :body
    WHERE shop_id = :shop_id AND key = :key
"""


def once(request: Request, act: Callable[[postgres.Connection], Response]) -> Response:
    """Return the answer of `act`, or the stored one of an earlier request with the same Idempotency-Key.

    `act` writes in one statement, which is autocommitted without a key; with a key it commits together with its answer,
    which takes one more round trip. A request that fails stores nothing. Raises IdempotencyKeyReused if the earlier
    request was a different one.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        with postgres.connection() as connection:
            return act(connection)
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise MalformedHeader("An Idempotency-Key is 1 to 255 visible ASCII characters.")
    claim = {"shop_id": request.shop_id, "key": key}
    with postgres.connection() as connection:
        try:
            return _act(connection, request, claim, act)
        except Duplicate as duplicate:
            if duplicate.constraint != CLAIMED:
                raise
        return _replay(connection, request, claim)


def _act(
    connection: postgres.Connection,
    request: Request,
    claim: dict[str, str],
    act: Callable[[postgres.Connection], Response],
) -> Response:
    """Send the claim with the first statement of `act`, and the answer with COMMIT. Raises Duplicate if claimed."""
    with connection.transaction():
        connection.queue(DELETE_EXPIRED_KEY, **claim)
        connection.queue(INSERT_IDEMPOTENCY_KEY, **claim, request_sha256=_sha256(request))
        answer = act(connection)
        connection.queue(
            UPDATE_STORED_ANSWER,
            **claim,
            status=answer.status,
            headers=dumps(answer.headers).decode(),
            body=answer.body.decode(),
        )
        return answer


def _replay(connection: postgres.Connection, request: Request, claim: dict[str, str]) -> Response:
    stored = connection.fetch_one(SELECT_STORED_ANSWER, **claim)
    if stored is None or stored["request_sha256"] != _sha256(request):
        raise IdempotencyKeyReused()
    return Response(stored["status"], stored["body"].encode(), stored["headers"])


def _sha256(request: Request) -> bytes:
    """Return the hash of the request and its API key: only the same key may get the stored answer."""
    asked = f"{request.key_id} {request.method} {request.path}\n".encode() + (request.body or b"")
    return hashlib.sha256(asked).digest()
