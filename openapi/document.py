"""Builds one OpenAPI 3.1 document from all functions' endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from cli.function_table import FUNCTIONS, load
from common.version import VERSION
from common.web import Function
from openapi.answers import ProblemAnswer
from openapi.json_schema import as_our_json, name_of
from openapi.operation import describe, describe_probes, json_answer
from openapi.tags import TAGS

DESCRIPTION = """Popups for shoppers about to leave. Each path begins with the name of its function, as under
`popups dev`; a deployed function answers at its own address without that name, and describes itself at
`/_openapi.json`. Every answer carries `X-Request-Id`, `RateLimit` and `RateLimit-Policy`."""


def make_document() -> dict[str, Any]:
    plugin = MarshmallowPlugin(schema_name_resolver=name_of)
    document = APISpec(
        "Exit-intent popups",
        VERSION,
        "3.1.0",
        plugins=[plugin],
        info={"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        servers=[{"url": "http://localhost:8080", "description": "popups dev"}],
        tags=[{"name": name, "description": description} for name, description in TAGS.items()],
    )
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(as_our_json)  # type: ignore[no-untyped-call]
    document.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    document.components.response("Problem", json_answer("Problem details", ProblemAnswer, "application/problem+json"))
    for function in map(load, FUNCTIONS.values()):
        for path, operations in _paths(function):
            document.path(f"/{function.name}{path}".rstrip("/"), operations=operations)
    return document.to_dict()


def _paths(function: Function) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in dict.fromkeys(endpoint.template for endpoint in function.endpoints):
        endpoints = [endpoint for endpoint in function.endpoints if endpoint.template == path]
        yield path, {endpoint.method.lower(): describe(function, endpoint) for endpoint in endpoints}
    for path, operation in describe_probes(function.name):
        yield path, {"get": operation}
