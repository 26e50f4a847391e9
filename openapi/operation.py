"""Builds one operation of the document from an endpoint: its input, its answers, and its handler's docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from marshmallow import Schema

from common.web import CSV, Answers, Audience, Checker, Endpoint, Function, RawBody, answers_of
from functions.get_active_popups.schemas import ShopQuery
from functions.manage_popups.rest.patching import MergePatch
from functions.track_view.schemas import ViewSchema, ViewsSchema
from openapi import merchant_answers, popup_answers, stats_answers, storefront_answers
from openapi.answers import HealthAnswer, ReadyAnswer
from openapi.examples import EXAMPLES
from openapi.storefront_parameters import OF_STOREFRONTS
from openapi.tags import PROBES, tag_of

PROBLEM = {"$ref": "#/components/responses/Problem"}
HEADERS = {
    "ETag": "The version of the answer.",
    "Location": "The address of what was created.",
    "X-Cache": "HIT, MISS or STALE.",
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "A repeated request with the same key gets the first answer again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "Refuses the request with a 412 unless this is still the ETag.",
    "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    "example": '"1"',
}


def describe(function: Function, endpoint: Endpoint) -> dict[str, Any]:
    """Describe an endpoint: the id is the handler's name, summary and description are its docstring."""
    summary, _, description = (inspect.getdoc(endpoint.handler) or "").partition("\n\n")
    rights = f"Needs a key that may {endpoint.rights}." if endpoint.rights else ""
    described: dict[str, Any] = {
        "tags": [tag_of(function, endpoint.template)],
        "operationId": endpoint.handler.__name__,
        "summary": summary.removesuffix("."),
        "security": [{"key": []}] if endpoint.rights else [],
        "parameters": list(_parameters(endpoint)),
        "responses": _answers(function, endpoint),
    }
    if text := "\n\n".join(filter(None, (description, rights))):
        described["description"] = text
    if endpoint.body:
        described["requestBody"] = _body(endpoint.body, EXAMPLES.get(endpoint.handler.__name__))
    return described


def describe_probes(function_name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the operation of each probe that every function answers."""
    health = {"200": json_answer("OK", HealthAnswer), "405": PROBLEM}
    ready = {"200": json_answer("OK", ReadyAnswer), "405": PROBLEM, "503": json_answer("Down", ReadyAnswer)}
    for path, act, summary, answers in (
        ("/_health", "health", "Whether the process is alive", health),
        ("/_ready", "readiness", "Whether the database and the cache answer", ready),
    ):
        yield (
            path,
            {
                "tags": [PROBES],
                "operationId": f"check_{act}_of_{function_name}",
                "summary": summary,
                "security": [],
                "responses": answers,
            },
        )


def json_answer(description: str, schema: type, media_type: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", endpoint.template):
        is_text = name in endpoint.texts
        schema = {"type": "string", "minLength": 1} if is_text else {"type": "string", "format": "uuid"}
        yield {"in": "path", "name": name, "required": True, "schema": schema}
    if endpoint.query:
        by_hand = isinstance(endpoint.query, ShopQuery)
        yield from OF_STOREFRONTS if by_hand else [{"in": "query", "schema": type(endpoint.query)}]
    if endpoint.method == "POST" and endpoint.rights == "write":
        yield IDEMPOTENCY_KEY
    if 412 in answers_of(endpoint.handler).problems:
        yield IF_MATCH


def _body(schema: Checker, example: Any) -> dict[str, Any]:
    media_type = "application/json"
    accepted: Any = type(schema)
    if isinstance(schema, RawBody):
        return {"required": True, "content": {media_type: {"schema": {"type": "object"}, "example": example}}}
    if isinstance(schema, MergePatch):
        media_type, accepted = "application/merge-patch+json", {"type": "object"}
    elif isinstance(schema, ViewsSchema):
        accepted = {"oneOf": [ViewsSchema, ViewSchema]}
    return {"required": True, "content": {media_type: {"schema": accepted, "example": example}}}


def _answers(function: Function, endpoint: Endpoint) -> dict[str, Any]:
    noted = answers_of(endpoint.handler)
    answers = {str(status): _answer(status, noted) for status in noted.schemas}
    for status in sorted({*_usual_problems(function, endpoint), *noted.problems}):
        answers[str(status)] = PROBLEM
    return answers


def _answer(status: int, noted: Answers) -> dict[str, Any]:
    phrase, name = HTTPStatus(status).phrase, noted.schemas[status]
    answer: dict[str, Any] = {"description": phrase}
    if name:
        answer = json_answer(phrase, answer_schema(name))
        if noted.or_csv:
            answer["content"][CSV] = {"schema": {"type": "string"}}
    elif status == HTTPStatus.OK:
        answer["content"] = {noted.media_type: {"schema": {"type": "string"}}}
    if noted.headers:
        answer["headers"] = {
            name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in noted.headers
        }
    return answer


def answer_schema(name: str) -> type[Schema]:
    """Return the class NAMEAnswer from one of the modules of answers."""
    modules = (merchant_answers, popup_answers, stats_answers, storefront_answers)
    for module in modules:
        if found := getattr(module, f"{name}Answer", None):
            schema: type[Schema] = found
            return schema
    raise LookupError(f"There is no {name}Answer in openapi/")


def _usual_problems(function: Function, endpoint: Endpoint) -> Iterator[int]:
    """Yield the problem statuses that every endpoint of this kind may answer."""
    yield from (429, 503)
    if endpoint.rights:
        yield 401
    if endpoint.rights == "write":
        yield 403
    if "{" in endpoint.template:
        yield 404
    if endpoint.body or endpoint.method == "POST":
        yield from (400, 413) if isinstance(endpoint.body, RawBody) else (400, 413, 415)
    if endpoint.body or endpoint.method == "POST" or endpoint.query:
        yield 422
    if endpoint.method == "POST" and function.audience is Audience.MERCHANT:
        yield from (400, 409)
