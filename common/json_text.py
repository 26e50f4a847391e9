"""JSON decoding with our limits, and encoding of our types."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import orjson

from common.errors import MAX_ERRORS, Invalid, MalformedJson

# Far more than any document needs, and far less than would exhaust the stack when it is encoded again.
MAX_DEPTH = 100


def loads(body: bytes) -> Any:
    """Return the body's value. Raises MalformedJson, or Invalid for NUL in a text, which Postgres cannot store.

    Strictly RFC 8259: NaN, numbers beyond the range of a double, and lone surrogates are malformed. Integers of more
    than 64 bits are read as doubles.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedJson() from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise MalformedJson(f"The body is nested more than {MAX_DEPTH} levels deep.")
    # JSON text can contain NUL only as its escape.
    if b"\\u0000" in body and (unstorable := list(islice(_unstorable_paths(data, ""), MAX_ERRORS + 1))):
        raise Invalid(errors={path: ["Text must not contain NUL."] for path in unstorable})
    return data


def dumps(data: Any) -> bytes:
    """Return data as compact JSON in UTF-8; times, dates, UUIDs and decimals become strings."""
    return orjson.dumps(data, _as_json, orjson.OPT_PASSTHROUGH_DATETIME)


def format_time(instant: datetime.datetime) -> str:
    """Format an aware time by RFC 3339 in UTC, to the millisecond: `2026-11-23T15:04:05.678Z`."""
    return instant.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_storable(text: str) -> bool:
    """Return whether Postgres can store the text: it takes neither NUL nor lone surrogates."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _as_json(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return format_time(value)
    if isinstance(value, datetime.date | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _depth(value: Any) -> int:
    """Return how deeply lists and objects are nested."""
    depth = 0
    level = [value]
    while level := [inner for inner in level if isinstance(inner, list | dict)]:
        depth += 1
        level = [item for inner in level for item in (inner.values() if isinstance(inner, dict) else inner)]
    return depth


def _unstorable_paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if not is_storable(value):
            yield path
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unstorable_paths(item, f"{path}.{index}".lstrip("."))
    elif isinstance(value, dict):
        for name, item in value.items():
            if not is_storable(name):
                yield path
            else:
                yield from _unstorable_paths(item, f"{path}.{name}".lstrip("."))
