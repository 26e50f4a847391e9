"""Finished answers, kept: memory over Redis over whatever loads them.

In memory an entry is fresh for a moment only, which bounds how long another instance may serve what a writer replaced.
In Redis it is fresh for its TTL, unless a writer forgets its key; a key is one hash of entries and a generation, so
that forgetting is one call and a slow loader cannot put an old value back. Everything is kept for an hour longer: when
it can no longer be loaded, the last good answer is served as STALE.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common import redis_client
from common.errors import DatabaseUnavailable
from common.memory import Memory

# Promised is that an edit is served everywhere within 2 s; the rest is for the way of the request.
MEMORY_SECONDS = 1.5
MEMORY_BYTES = 32 * 1024 * 1024
OUTAGE_SECONDS = 3600
TTL_JITTER = 0.1
GENERATION_SECONDS = 3600
# An event shows within 2 s: half a second until its key is dropped, one in which a reader may keep what it has.
CHANGING_SECONDS = 0.5
CHANGING_FRESH_SECONDS = 1.0
CLOCK_SKEW_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished answer. body is None for what is known not to exist."""

    body: bytes | None
    etag: str
    # Unix seconds: of Redis, and the moment this process read it, which its memory counts from.
    fresh_until: float
    read_at: float

    @property
    def size_bytes(self) -> int:
        return len(self.body or b"") + 300


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader found, and for how long it may be served. body None: it does not exist."""

    body: bytes | None
    fresh_seconds: float


@dataclass(frozen=True, slots=True)
class Cached:
    entry: Entry
    verdict: str  # HIT, MISS or STALE, as X-Cache says


_memory: Memory[Entry] = Memory(MEMORY_BYTES, cost=lambda entry: entry.size_bytes)
_forgotten_at: Memory[float] = Memory(10_000)
_loading: dict[str, threading.Lock] = {}
_loading_lock = threading.Lock()

_store_script = redis_client.Script(Path(__file__).with_name("cache_store.lua"))
_forget_script = redis_client.Script(Path(__file__).with_name("cache_forget.lua"))


def fresh_in_memory(key: str, name: str = "body") -> Cached | None:
    """The entry if this process's memory has it fresh. Never blocks."""
    entry = _memory.get(f"{key} {name}")
    if entry is None or not _is_fresh(entry):
        return None
    return Cached(entry, "HIT")


def get_or_load(key: str, load: Callable[[], Loaded], name: str = "body") -> Cached:
    """The entry called `name` under a key, loaded at most once at a time in this process. May block.

    Raises what `load` raises, except DatabaseUnavailable where an old entry can be served instead.
    """
    if cached := fresh_in_memory(key, name):
        return cached
    with _loading_alone(f"{key} {name}"):
        if cached := fresh_in_memory(key, name):
            return cached
        return _read_or_load(key, load, name)


def forget(*keys: str) -> None:
    """Drops everything under the keys, everywhere; memories follow within MEMORY_SECONDS. Never fails."""
    for key in keys:
        _memory.remove(f"{key} body")
    if keys and redis_client.is_configured():
        with suppress(redis_client.RedisDown):
            _forget_script.run_many([([key], [_new_generation(), GENERATION_SECONDS * 1000]) for key in keys])


def forget_soon(*keys: str) -> None:
    """Like forget, for keys that change many times a second: each is dropped at most every CHANGING_SECONDS.

    What changes between two drops is not lost: an entry loaded that soon after a drop is not kept for long.
    """
    now = time.monotonic()
    due = [key for key in keys if now - (_forgotten_at.get(key) or -CHANGING_SECONDS) >= CHANGING_SECONDS]
    for key in due:
        _forgotten_at.put(key, now)
    forget(*due)


def _read_or_load(key: str, load: Callable[[], Loaded], name: str) -> Cached:
    read_at = time.time()
    generation, entry = _read(key, name, read_at)
    if entry and entry.fresh_until > read_at:
        _memory.put(f"{key} {name}", entry)
        return Cached(entry, "HIT")
    try:
        loaded = load()
    except DatabaseUnavailable:
        old = entry or _memory.get(f"{key} {name}")
        if old is None:
            raise
        return Cached(old, "STALE")
    # Downwards only: an entry must never outlive what its loader allows, such as the start of the next popup.
    fresh_seconds = loaded.fresh_seconds * random.uniform(1 - TTL_JITTER, 1)
    if _is_changing(generation, read_at):
        fresh_seconds = min(fresh_seconds, CHANGING_FRESH_SECONDS)
    entry = Entry(loaded.body, _etag(loaded.body), read_at + fresh_seconds, read_at)
    _memory.put(f"{key} {name}", entry)
    _write(key, name, generation, entry, fresh_seconds)
    return Cached(entry, "MISS")


def _new_generation() -> str:
    return f"{uuid.uuid4().hex} {time.time()}"


def _is_changing(generation: str, now: float) -> bool:
    """Whether the key was dropped so lately that forget_soon may have passed over a later change."""
    _, _, forgotten_at = generation.partition(" ")
    return bool(forgotten_at) and now - float(forgotten_at) < CHANGING_SECONDS + CLOCK_SKEW_SECONDS


def _is_fresh(entry: Entry) -> bool:
    now = time.time()
    return now < entry.read_at + MEMORY_SECONDS and now < entry.fresh_until


def _etag(body: bytes | None) -> str:
    # Weak, because the same entry is served plain and compressed.
    return f'W/"{hashlib.blake2b(body or b"", digest_size=12).hexdigest()}"'


def _loading_alone(key: str) -> threading.Lock:
    """A lock for this key's loaders. Locks nobody holds are dropped when they are many."""
    with _loading_lock:
        if len(_loading) > 1000:
            for idle in [name for name, lock in _loading.items() if not lock.locked()]:
                del _loading[idle]
        return _loading.setdefault(key, threading.Lock())


def _read(key: str, name: str, read_at: float) -> tuple[str, Entry | None]:
    """The key's generation and entry in Redis; no entry where there is none, or no Redis."""
    if not redis_client.is_configured():
        return "", None
    try:
        generation, stored = redis_client.call(lambda client: client.hmget(key, "generation", name))
    except redis_client.RedisDown:
        return "", None
    return (generation or b"").decode(), _decode(stored, read_at) if stored else None


def _write(key: str, name: str, generation: str, entry: Entry, fresh_seconds: float) -> None:
    if not redis_client.is_configured():
        return
    keep_ms = int((fresh_seconds + OUTAGE_SECONDS) * 1000)
    with suppress(redis_client.RedisDown):
        _store_script.run([key], [generation, name, _encode(entry), keep_ms])


def _encode(entry: Entry) -> bytes:
    """One line of JSON about the entry, then its body."""
    about = {"etag": entry.etag, "fresh_until": entry.fresh_until, "exists": entry.body is not None}
    return json.dumps(about).encode() + b"\n" + (entry.body or b"")


def _decode(stored: bytes, read_at: float) -> Entry:
    about, _, body = stored.partition(b"\n")
    fields = json.loads(about)
    return Entry(body if fields["exists"] else None, fields["etag"], fields["fresh_until"], read_at)
