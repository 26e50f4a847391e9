"""Idempotency-Key: a POST that is sent again within 24 hours gets the first answer again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from common import database
from common.errors import IdempotencyKeyReused, MalformedHeader
from common.json_text import dumps
from common.messages import Request, Response

KEPT_HOURS = 24

# Of two requests at once the second waits here until the first has committed.
CLAIM_IDEMPOTENCY_KEY = """
    INSERT INTO idempotency_keys AS stored (shop_id, key, request_sha256)
    VALUES (:shop_id, :key, :request_sha256)
    ON CONFLICT (shop_id, key) DO UPDATE
    SET request_sha256 = excluded.request_sha256, status = NULL, headers = NULL, body = NULL, created_at = now()
    WHERE stored.created_at < now() - interval '24 hours'
    RETURNING key
"""

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


def once(request: Request, act: Callable[[database.Session], Response]) -> Response:
    """The answer of `act`, or the stored one, if its Idempotency-Key was here before.

    `act` writes in one statement, which without a key commits by itself; with one it commits together with its answer.
    A request that fails stores nothing. Raises IdempotencyKeyReused where the earlier request was another.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        with database.session() as session:
            return act(session)
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise MalformedHeader("An Idempotency-Key is 1 to 255 visible ASCII characters.")
    with database.transaction() as session:
        if answer := _claim_or_replay(session, request, key):
            return answer
        answer = act(session)
        session.execute(
            UPDATE_STORED_ANSWER,
            shop_id=request.shop_id,
            key=key,
            status=answer.status,
            headers=dumps(answer.headers).decode(),
            body=answer.body.decode(),
        )
        return answer


def _claim_or_replay(session: database.Session, request: Request, key: str) -> Response | None:
    assert request.key is not None
    # The calling key too: an answer is for its eyes only.
    asked = f"{request.key.id} {request.method} {request.path}\n".encode() + (request.body or b"")
    digest = hashlib.sha256(asked).digest()
    if session.fetch_one(CLAIM_IDEMPOTENCY_KEY, shop_id=request.shop_id, key=key, request_sha256=digest):
        return None
    stored = session.fetch_one(SELECT_STORED_ANSWER, shop_id=request.shop_id, key=key)
    if stored is None or stored["request_sha256"] != digest:
        raise IdempotencyKeyReused()
    return Response(stored["status"], stored["body"].encode(), stored["headers"])
