"""From bytes to validated values: the body's size, type and JSON, and validation by a marshmallow schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qs

from common.errors import BodyTooLarge, Invalid, ProblemError, UnsupportedMediaType
from common.json_text import loads
from common.web._headers import Audience
from common.web._messages import Request

MAX_QUERY_CHARACTERS = 8 * 1024
# A larger body takes longer to validate than to pass to a thread.
MAX_BYTES_ON_LOOP = 16 * 1024

# sendBeacon and fetch send text/plain, which needs no preflight.
_MEDIA_TYPES = {
    Audience.STOREFRONT: ("application/json", "text/plain"),
    Audience.MERCHANT: ("application/json", "application/merge-patch+json"),
    Audience.PLATFORM: ("application/json",),
}


class Checker(Protocol):
    """A marshmallow schema, or any object whose `load` raises Invalid."""

    def load(self, data: Any, /) -> Any: ...
    def __hash__(self) -> int: ...


class AnyObject:
    """Any JSON object, for an endpoint whose body is optional."""

    def load(self, data: Any, /) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise Invalid(errors={"": ["Must be a JSON object."]})
        return {}


class RawBody:
    """Any bytes, which the handler verifies before it parses them; `request.data` stays empty."""

    def load(self, data: Any, /) -> Any:
        return data


ANY_OBJECT = AnyObject()


def load_body(schema: Checker, request: Request, audience: Audience) -> Any:
    """Load the body by the schema. Raises BodyTooLarge, UnsupportedMediaType, MalformedJson or Invalid."""
    if request.body is None:
        raise BodyTooLarge(f"The body may have at most {audience.max_body_bytes} bytes.")
    if isinstance(schema, RawBody):
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES[audience]:
        raise UnsupportedMediaType(f"Send the body as {' or '.join(_MEDIA_TYPES[audience])}.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body without Content-Encoding.")
    return load_fields(schema, loads(request.body))


# A storefront asks for the same shop repeatedly: validating its query each time would be an eighth of the request.
@lru_cache(maxsize=1024)
def load_query(schema: Checker, query_string: str) -> Mapping[str, Any]:
    """Load the query by the schema; the first of a repeated parameter counts. Raises Invalid."""
    if len(query_string) > MAX_QUERY_CHARACTERS:
        raise Invalid(errors={"": [f"At most {MAX_QUERY_CHARACTERS} characters of query."]})
    try:
        given = parse_qs(query_string, keep_blank_values=True, errors="replace", max_num_fields=100)
    except ValueError:
        raise Invalid(errors={"": ["At most 100 parameters."]}) from None
    return MappingProxyType(load_fields(schema, {name: values[0] for name, values in given.items()}))


def load_fields(schema: Checker, data: Any) -> Any:
    """Load data by the schema. Raises Invalid with `field.path: [messages]`."""
    try:
        return schema.load(data)
    except ProblemError:
        raise
    except Exception as error:
        from marshmallow import ValidationError  # imported already if the schema is of marshmallow

        if not isinstance(error, ValidationError):
            raise
        messages: Any = error.messages
        raise Invalid(errors=field_paths(messages)) from None


def field_paths(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Flatten marshmallow's nested messages: `{"design.width": ["…"]}`. The path of the whole body is empty."""
    if isinstance(messages, list):
        return {path: [str(message) for message in messages]}
    flat: dict[str, list[str]] = {}
    for name, inner in messages.items():
        step = "" if name == "_schema" else str(name)
        for inner_path, texts in field_paths(inner, ".".join(filter(None, (path, step)))).items():
            flat.setdefault(inner_path, []).extend(texts)
    return flat
