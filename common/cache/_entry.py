"""The cache's types: an answer, its place, and its lifetimes; and the format of an entry in Redis."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import NamedTuple

GZIP_FROM_BYTES = 1024
# Level 5 of 9: within 3 % of the smallest for JSON of this size, at half the time.
GZIP_LEVEL = 5
# Raised with every change of `encode`: two releases that run side by side then see only their own entries.
FORMAT = 2
# Roughly what the Python objects around the bytes take.
OVERHEAD_BYTES = 500
# The name of an answer that is alone under its key.
BODY = "body"


class Slot(NamedTuple):
    """The place of one answer. Invalidation is by key, with all names under it."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished answer: body is None if it is known not to exist; gzipped is None for a body below 1 KiB."""

    body: bytes | None
    gzipped: bytes | None
    etag: str

    @property
    def size_bytes(self) -> int:
        return len(self.body or b"") + len(self.gzipped or b"") + OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Cached:
    """An entry and its verdict (HIT, MISS or STALE, as X-Cache says), with four monotonic times.

    It was looked up at looked_at, is served without asking Redis until serve_until, is fresh until fresh_until, and may
    be served stale in an outage until keep_until.
    """

    entry: Entry
    verdict: str
    looked_at: float
    serve_until: float
    fresh_until: float
    keep_until: float


def make_entry(body: bytes | None) -> Entry:
    # Weak, because the same entry is served plain and compressed.
    etag = f'W/"{_digest(body or b"")}"'
    worth_it = body is not None and len(body) >= GZIP_FROM_BYTES
    return Entry(body, gzip.compress(body, GZIP_LEVEL, mtime=0) if body and worth_it else None, etag)


def encode(entry: Entry) -> bytes:
    """Return the entry as stored in Redis: a line of JSON about it, then its bytes."""
    both = (entry.body or b"") + (entry.gzipped or b"")
    about = {"etag": entry.etag, "plain": len(entry.body or b""), "digest": _digest(both)}
    return json.dumps(about).encode() + b"\n" + both


def decode(stored: bytes) -> Entry | None:
    """Return the entry; None for bytes that `encode` did not write, or that are corrupt."""
    line, _, both = stored.partition(b"\n")
    try:
        about = json.loads(line)
        if about["digest"] != _digest(both):
            return None
        return Entry(both[: about["plain"]], both[about["plain"] :] or None, about["etag"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()
