"""API keys: generated, stored only as their SHA-256, and authenticated.

A key is `eip_`, 32 random base-62 characters (190 bits) and a checksum of 6, so that a mistyped key costs no query, and
secret scanners can find a leaked key by its pattern.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import time
import zlib
from dataclasses import dataclass
from typing import Any

from common import postgres
from common.errors import Conflict, DatabaseUnavailable, KeyLacksRight, Unauthorized
from common.ids import new_id
from common.process.bounded import Memory

KEY_PREFIX = "eip_"
RANDOM_CHARACTERS = 32
CHECKSUM_CHARACTERS = 6
SHOWN_CHARACTERS = 8
# A revoked key is refused everywhere within 2 s; a cached key keeps working through an outage of the database.
FRESH_SECONDS = 1.5
OUTAGE_SECONDS = 3600
MAX_KEYS_IN_MEMORY = 10_000
# Far more than a shop has systems and people; all are listed in one answer.
MAX_KEYS_PER_SHOP = 100

RIGHTS = ("read", "write")

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase

INSERT_API_KEY = """
    INSERT INTO api_keys (id, shop_id, name, prefix, key_sha256, rights)
    SELECT :id, :shop_id, :name, :prefix, :key_sha256, :rights
    WHERE (SELECT count(*) FROM api_keys WHERE shop_id = :shop_id AND revoked_at IS NULL) < :most
    RETURNING id, name, prefix, rights, created_at, last_used_at
"""

# Last use is kept to the hour: a write per request would cost more than the precision is worth.
USE_API_KEY = """
    WITH known AS (
        SELECT shop_id, id, rights, last_used_at FROM api_keys WHERE key_sha256 = :key_sha256 AND revoked_at IS NULL
    ), used AS (
        UPDATE api_keys SET last_used_at = now()
        FROM known
        WHERE (api_keys.shop_id, api_keys.id) = (known.shop_id, known.id)
          AND (known.last_used_at IS NULL OR known.last_used_at < now() - interval '1 hour')
    )
    SELECT shop_id, id, rights FROM known
"""


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    shop_id: str
    rights: str
    checked_at: float


_keys: Memory[str, Key] = Memory(MAX_KEYS_IN_MEMORY)


def new_key() -> str:
    random = "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return f"{KEY_PREFIX}{random}{_checksum(random)}"


def derived_key(secret: str, salt: str) -> str:
    """Derive a key from a secret and a salt, deterministically. Cannot be computed from only one of the two."""
    digest = hmac.digest(secret.encode(), salt.encode(), "sha512")
    random = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:RANDOM_CHARACTERS])
    return f"{KEY_PREFIX}{random}{_checksum(random)}"


def insert_key(connection: postgres.Connection, shop_id: str, rights: str, name: str, key: str) -> dict[str, Any]:
    """Store a key's SHA-256 and return its row.

    Raises Conflict if the shop has MAX_KEYS_PER_SHOP already, Duplicate if this key is stored already.
    """
    row = connection.fetch_one(
        INSERT_API_KEY,
        id=new_id(),
        shop_id=shop_id,
        name=name,
        prefix=key[: len(KEY_PREFIX) + SHOWN_CHARACTERS],
        key_sha256=_sha256(key),
        rights=rights,
        most=MAX_KEYS_PER_SHOP,
    )
    if row is None:
        raise Conflict(f"A shop has at most {MAX_KEYS_PER_SHOP} keys. Revoke those that are no longer used.")
    return row


def authenticate(authorization: str | None, rights: str) -> Key:
    """Return the key of an Authorization header. Raises Unauthorized, or KeyLacksRight for a write by a read key.

    A right that only a newer release knows grants nothing here.
    """
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not is_well_formed(text.strip()):
        raise Unauthorized(headers={"WWW-Authenticate": "Bearer"})
    key = _known_key(_sha256(text.strip()))
    if key is None:
        raise Unauthorized(headers={"WWW-Authenticate": "Bearer"})
    if key.rights not in ("write", rights):
        raise KeyLacksRight()
    return key


def remembered_id(authorization: str | None) -> str | None:
    """Return the id of an Authorization header's key if this process has authenticated it before. Never blocks."""
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not is_well_formed(text.strip()):
        return None
    remembered = _keys.get(_sha256(text.strip()).hex())
    return remembered.id if remembered else None


def is_well_formed(key: str) -> bool:
    random = key[len(KEY_PREFIX) : -CHECKSUM_CHARACTERS]
    if not key.startswith(KEY_PREFIX) or len(random) != RANDOM_CHARACTERS or not random.isascii():
        return False
    return secrets.compare_digest(key.encode(), f"{KEY_PREFIX}{random}{_checksum(random)}".encode())


def _known_key(key_sha256: bytes) -> Key | None:
    name = key_sha256.hex()
    remembered = _keys.get(name)
    now = time.monotonic()
    if remembered and now < remembered.checked_at + FRESH_SECONDS:
        return remembered
    try:
        row = postgres.fetch_one(USE_API_KEY, key_sha256=key_sha256)
    except DatabaseUnavailable:
        if remembered and now < remembered.checked_at + OUTAGE_SECONDS:
            return remembered
        raise
    if row is None:
        _keys.remove(name)
        return None
    key = Key(str(row["id"]), row["shop_id"], row["rights"], now)
    _keys.put(name, key)
    return key


def _sha256(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _checksum(random: str) -> str:
    number = zlib.crc32(random.encode())
    digits = ""
    for _ in range(CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
