"""Endpoints, schemas and operations put together into one OpenAPI 3.1 document."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from cli.function_table import FUNCTIONS, load
from common.version import VERSION
from common.web import Audience, Checker, Endpoint, Function
from functions.get_active_popups.schemas import ShopQuery
from functions.manage_popups.rest.patching import MergePatch
from functions.track_view.schemas import ViewSchema, ViewsSchema
from openapi.answers import HealthAnswer, ProblemAnswer, ReadyAnswer
from openapi.operations import OPERATIONS, Operation
from openapi.storefront_parameters import OF_STOREFRONTS

DESCRIPTION = """Popups for shoppers about to leave. Each path begins with the name of its function, as under
`popups dev`; a deployed function answers at its own address without that name, and describes itself at
`/_openapi.json`. Every answer carries `X-Request-Id`, `RateLimit` and `RateLimit-Policy`."""

HEADERS = {
    "ETag": "The version of what is answered.",
    "Location": "Where the new thing is.",
    "X-Cache": "HIT, MISS or STALE.",
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same key within 24 hours gets the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "Only where this is still the ETag; else 412.",
    "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    "example": '"1"',
}


def make_document() -> dict[str, Any]:
    plugin = MarshmallowPlugin(schema_name_resolver=_name_of)
    document = APISpec(
        "Exit-intent popups",
        VERSION,
        "3.1.0",
        plugins=[plugin],
        info={"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        servers=[{"url": "http://localhost:8080", "description": "popups dev"}],
    )
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(_as_our_json)  # type: ignore[no-untyped-call]
    document.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    document.components.response("Problem", _json_answer("Problem details", ProblemAnswer, "application/problem+json"))
    for function in map(load, FUNCTIONS.values()):
        for path, operations in _paths(function):
            document.path(f"/{function.name}{path}", operations=operations)
    return document.to_dict()


def _paths(function: Function) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in dict.fromkeys(endpoint.template for endpoint in function.endpoints):
        endpoints = [endpoint for endpoint in function.endpoints if endpoint.template == path]
        yield path, {endpoint.method.lower(): _operation(function, endpoint) for endpoint in endpoints}
    for path, schema in (("/_health", HealthAnswer), ("/_ready", ReadyAnswer)):
        answers = {"200": _json_answer("OK", schema), "405": {"$ref": "#/components/responses/Problem"}}
        if schema is ReadyAnswer:
            answers["503"] = _json_answer("Down", schema)
        yield path, {"get": {"tags": [function.name], "operationId": _id(function, "get", path), "responses": answers}}


def _operation(function: Function, endpoint: Endpoint) -> dict[str, Any]:
    operation = OPERATIONS[function.name, endpoint.method, endpoint.template]
    described: dict[str, Any] = {
        "tags": [function.name],
        "operationId": _id(function, endpoint.method, endpoint.template),
        "summary": operation.summary,
        "parameters": list(_parameters(endpoint, operation)),
        "responses": _answers(function, endpoint, operation),
    }
    if endpoint.rights:
        described["security"] = [{"key": []}]
        described["description"] = f"Asks for a key that may {endpoint.rights}."
    if endpoint.body:
        described["requestBody"] = _body(endpoint.body, operation)
    return described


def _parameters(endpoint: Endpoint, operation: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", endpoint.template):
        yield {"in": "path", "name": name, "required": True, "schema": {"type": "string", "format": "uuid"}}
    if endpoint.query:
        by_hand = isinstance(endpoint.query, ShopQuery)
        yield from OF_STOREFRONTS if by_hand else [{"in": "query", "schema": type(endpoint.query)}]
    if endpoint.method == "POST" and endpoint.rights:
        yield IDEMPOTENCY_KEY
    if 412 in operation.problems:
        yield IF_MATCH


def _body(schema: Checker, operation: Operation) -> dict[str, Any]:
    media_type = "application/json"
    accepted: Any = type(schema)
    if isinstance(schema, MergePatch):
        media_type, accepted = "application/merge-patch+json", {"type": "object"}
    elif isinstance(schema, ViewsSchema):
        accepted = {"oneOf": [ViewsSchema, ViewSchema]}
    return {"required": True, "content": {media_type: {"schema": accepted, "example": operation.example}}}


def _answers(function: Function, endpoint: Endpoint, operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, schema in operation.answers.items():
        answers[str(status)] = _answer(status, schema, operation)
    for status in sorted({*_usual_problems(function, endpoint), *operation.problems}):
        answers[str(status)] = {"$ref": "#/components/responses/Problem"}
    return answers


def _answer(status: int, schema: type[Schema] | None, operation: Operation) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    if schema:
        answer = _json_answer(phrase, schema)
    elif status == HTTPStatus.OK:
        answer = {"description": phrase, "content": {operation.media_type: {"schema": {"type": "string"}}}}
    else:
        answer = {"description": phrase}
    if operation.headers:
        names = [name for name in operation.headers if status != HTTPStatus.NOT_MODIFIED or name != "Location"]
        answer["headers"] = {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in names}
    return answer


def _usual_problems(function: Function, endpoint: Endpoint) -> Iterator[int]:
    """What every endpoint of this kind may answer."""
    yield from (429, 503)
    if endpoint.rights:
        yield 401
    if endpoint.rights == "write":
        yield 403
    if "{" in endpoint.template:
        yield 404
    if endpoint.body or endpoint.method == "POST":
        yield from (400, 413, 415)
    if endpoint.body or endpoint.method == "POST" or endpoint.query:
        yield 422
    if endpoint.method == "POST" and function.audience is Audience.MERCHANT:
        yield from (400, 409)


def _json_answer(description: str, schema: type[Schema], media_type: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _name_of(schema: Any) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    name = cls.__name__.removesuffix("Schema").removesuffix("Answer")
    written = cls.__name__.endswith("Schema")
    partial = "Changes" if not isinstance(schema, type) and getattr(schema, "partial", None) else ""
    return f"{name}{partial or ('Written' if written else '')}"


def _id(function: Function, method: str, path: str) -> str:
    words = [word for word in re.split(r"\W+", path) if word]
    return "_".join([function.name, method.lower(), *words])


def _as_our_json(_converter: Any, field: Any, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Decimals are strings, and patterns in the dialect of JSON Schema; bounds that are no numbers are left out."""
    for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(field, fields.Decimal) or isinstance(ret.get(bound), datetime.date):
            ret.pop(bound, None)
    if isinstance(ret.get("pattern"), str):
        ret["pattern"] = f"^(?:{ret['pattern'].removesuffix(chr(92) + 'Z')})$"
    if isinstance(field, fields.Decimal):
        ret.pop("default", None)
        kinds = ["string", "null"] if field.allow_none else "string"
        return {"type": kinds, "pattern": r"^[0-9]{1,15}(?:\.[0-9]{1,4})?$", "example": "10.00"}
    return {}
