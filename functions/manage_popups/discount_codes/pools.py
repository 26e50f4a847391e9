"""Pools of single-use codes: filled with a merchant's own or generated codes, and withdrawn after an abuse."""

from __future__ import annotations

import secrets
import uuid

from common import cache, postgres
from common.cache import keys
from common.errors import Conflict, DiscountCodeNotFound
from common.json_text import dumps
from common.web import Request, Response, answers, json_response
from functions.manage_popups.discount_codes import queries
from functions.manage_popups.discount_codes.schemas import MAX_CODES
from functions.manage_popups.rest.idempotency import once

# Without 0, O, 1, I and L, which look alike, and without vowels, so that no code is a word.
ALPHABET = "BCDFGHJKMNPQRSTVWXYZ23456789"
# 28^12 codes: a million guesses against a pool of a million codes succeed once in 200 000 attempts.
GROUPS, GROUP_CHARACTERS = 3, 4


@answers({201: "PoolCodes"})
def add_pool_codes(request: Request, code_id: uuid.UUID) -> Response:
    """Add single-use codes to a discount code's pool.

    The answer says how many were added and which were in the pool already; generated codes are listed.
    """

    def insert(connection: postgres.Connection) -> Response:
        codes = request.data["codes"] or [new_code() for _ in range(request.data["count"])]
        row = connection.fetch_one(
            queries.INSERT_POOL_CODES, shop_id=request.shop_id, id=code_id, codes=dumps(codes).decode()
        )
        if row is None:
            raise DiscountCodeNotFound()
        if not row["single_use"]:
            raise _is_shared()
        answer = {"added": row["added"], "duplicates": row["duplicates"], "pool": pool_of(row)}
        return json_response(answer | ({"codes": codes} if request.data["count"] else {}), 201)

    answer = once(request, insert)
    cache.forget(keys.active_popups(request.shop_id))  # popups with this code may resume
    return answer


@answers({200: "Release"})
def release_codes(request: Request, code_id: uuid.UUID) -> Response:
    """Withdraw the codes that were given but not used, and add as many new ones to the pool.

    The answer lists the withdrawn codes, which the shop must no longer accept, and the new ones.
    """
    code = {"shop_id": request.shop_id, "id": code_id}

    def release(connection: postgres.Connection) -> Response:
        stock = connection.fetch_one(queries.SELECT_UNUSED, **code, limit=MAX_CODES + 1)
        if stock is None:
            raise DiscountCodeNotFound()
        if not stock["single_use"]:
            raise _is_shared()
        fresh = [new_code() for _ in range(min(stock["unused"], MAX_CODES))]
        row = connection.fetch_one(queries.RELEASE_CODES, **code, codes=dumps(fresh).decode())
        assert row is not None, "its FROM has one row"
        return json_response(
            {
                "withdrawn": len(row["withdrawn"]),
                "added": len(row["added"]),
                "withdrawn_codes": row["withdrawn"],
                "codes": row["added"],
                "has_more": stock["unused"] > MAX_CODES,
                "pool": pool_of(row),
            }
        )

    answer = once(request, release)
    cache.forget(keys.active_popups(request.shop_id))  # popups with this code may resume
    return answer


def new_code() -> str:
    """Generate a code that cannot be guessed and is easy to type: `K7QM-2XRP-9TDW`."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARACTERS)) for _ in range(GROUPS))
    return "-".join(groups)


def pool_of(row: postgres.Row) -> dict[str, int]:
    return {
        "codes": row["pool_codes"] or 0,
        "claimed": row["pool_claimed"] or 0,
        "left": row["pool_left"] or 0,
    }


def _is_shared() -> Conflict:
    return Conflict("This discount code is not single_use: every visitor gets the same code.")
