"""The OpenAPI document: true to the functions, complete, with examples that work, and served by each function."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema, fields

from cli.function_table import FUNCTIONS, load
from common.web import answers_of
from functions.manage_popups.discount_codes.schemas import DiscountCodeSchema
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.shop import ShopSchema
from openapi.__main__ import COPIES, TYPES, as_text
from openapi.examples import EXAMPLES
from openapi.operation import answer_schema
from openapi.typescript import as_typescript
from tests.support.client import Client, assert_problem
from tests.support.stack import ROOT, FunctionProcess

REPORTS = ROOT / "docs" / "reports.md"
DOCUMENT: dict[str, Any] = json.loads(as_text())
ENDPOINTS = {
    (function.name, endpoint.method, endpoint.template): endpoint
    for function in map(load, FUNCTIONS.values())
    for endpoint in function.endpoints
}


@pytest.mark.parametrize("copy", COPIES, ids=lambda path: path.parent.name)
def test_the_committed_document_is_the_one_the_schemas_make(copy: Any) -> None:
    assert copy.read_text() == as_text(), "run `make openapi`"


def test_the_consoles_types_are_those_that_the_schemas_make() -> None:
    assert TYPES.read_text() == as_typescript(), "run `make openapi`"


def test_the_consoles_types_have_every_field_and_its_limits() -> None:
    types = as_typescript()
    for schema in (PopupSchema(), ShopSchema(), DiscountCodeSchema()):
        for name in schema.fields:
            assert re.search(rf"^  {name}\??: ", types, re.MULTILINE), name
    assert "  min_cart_value?: string;" in types  # stored only if given
    assert "  design: Partial<Design>;" in types  # of a variant
    assert '    "design.width": { min: 200, max: 1200 },' in types
    assert '    "targeting.referrers": { maxItems: 50, items: { minLength: 1, maxLength: 500 } },' in types


def names_of(schema: Schema) -> Iterator[str]:
    """Yield the keys of an answer and of the objects in it."""
    for name, field in schema.fields.items():
        yield field.data_key or name
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield from names_of(inner.schema)


def test_every_key_of_a_report_is_explained_to_merchants_developers() -> None:
    explained = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`[^`]+`", REPORTS.read_text()))))
    answers = {
        name
        for endpoint in load(FUNCTIONS["stats"]).endpoints
        for name in answers_of(endpoint.handler).schemas.values()
    }
    told = {name: set(names_of(answer_schema(name)())) - explained for name in answers if name}
    assert {name: missing for name, missing in told.items() if missing} == {}, f"explain it in {REPORTS.name}"


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation of the document by its method and path."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_every_endpoint_is_described_and_nothing_else() -> None:
    probes = {f"GET /{name}{probe}" for name in FUNCTIONS for probe in ("/_health", "/_ready")}
    endpoints = {f"{method} /{name}{path}".rstrip("/") for name, method, path in ENDPOINTS}
    assert {name for name, _ in operations()} == endpoints | probes


def test_every_operation_says_what_it_does_who_may_and_what_it_is_about() -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for name, operation in operations():
        assert operation["summary"], name
        assert operation["security"] in ([], [{"key": []}]), name
        assert len(operation["tags"]) == 1, name
        assert set(operation["tags"]) <= tags, name
    assert {tag for _, operation in operations() for tag in operation["tags"]} == tags


def test_an_operations_id_is_an_act_of_its_own() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert {"list_popups", "create_popup", "get_popup", "update_popup", "delete_popup", "report_views"} <= set(ids)
    verbs = {each.partition("_")[0] for each in ids}
    assert verbs <= {
        "add", "check", "create", "delete", "drop", "duplicate", "erase", "explain", "export", "get", "list", "receive",
        "release", "report", "restore", "revoke", "rollback", "unsubscribe", "update",
    }  # fmt: skip


def test_no_path_ends_with_a_slash() -> None:
    assert [path for path in DOCUMENT["paths"] if path.endswith("/")] == []


def patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from patterns(each)


def test_every_pattern_is_one_of_ecmascript() -> None:
    """In its Unicode mode, which JSON Schema asks for, a backslash may stand before nothing but what it means."""
    escapes = re.compile(r"\\(?:[dDsSwWbB0nrtfv^$.*+?()[\]{}|/\\-]|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]+\}|p\{)")
    for pattern in set(patterns(DOCUMENT)):
        assert "\\" not in escapes.sub("", pattern), pattern
        assert "(?P<" not in pattern


def test_what_changes_a_document_has_no_defaults_that_a_client_could_fill_in() -> None:
    partial = {name: schema for name, schema in DOCUMENT["components"]["schemas"].items() if name.endswith("Changes")}
    assert set(partial) == {"DesignChanges", "OfferChanges"}
    assert [name for name, schema in partial.items() if '"default"' in json.dumps(schema)] == []


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(references, value)) if value else set()
        if isinstance(value, dict):
            inner = references(list(value.values()))
            return inner | ({value["$ref"]} if isinstance(value.get("$ref"), str) else set())
        return set()

    for reference in references(DOCUMENT):
        target: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target


@pytest.mark.parametrize(
    "endpoint", [key for key, endpoint in ENDPOINTS.items() if endpoint.body], ids=lambda key: " ".join(key)
)
def test_every_body_has_an_example_that_the_server_accepts(endpoint: tuple[str, str, str]) -> None:
    schema, example = ENDPOINTS[endpoint].body, EXAMPLES.get(ENDPOINTS[endpoint].handler.__name__)
    assert schema
    assert example
    assert schema.load(example)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_describes_itself_as_it_is_addressed(name: str, request: pytest.FixtureRequest) -> None:
    function: FunctionProcess = request.getfixturevalue(name)
    answer = Client(function).get("/_openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Encoding"] == "gzip"
    described = answer.json()
    assert described["openapi"] == "3.1.0"
    own = {template for function_name, _, template in ENDPOINTS if function_name == name}
    assert set(described["paths"]) == own | {"/_health", "/_ready"}
    assert_problem(Client(function).post("/_openapi.json", json={}), 405, "method_not_allowed")


def test_every_post_that_writes_for_a_merchant_takes_an_idempotency_key() -> None:
    for (name, method, path), endpoint in ENDPOINTS.items():
        if method == "POST" and endpoint.rights == "write":
            parameters = DOCUMENT["paths"][f"/{name}{path}".rstrip("/")]["post"]["parameters"]
            assert "Idempotency-Key" in [parameter["name"] for parameter in parameters]
