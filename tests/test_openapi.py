"""The OpenAPI document: true to the functions, complete, with examples that work, and served by each function."""

import json
from typing import Any

import pytest

from cli.function_table import FUNCTIONS, load
from openapi.__main__ import COPIES, as_text
from openapi.operations import OPERATIONS
from tests.client import Client, assert_problem
from tests.stack import FunctionProcess

DOCUMENT: dict[str, Any] = json.loads(as_text())
ENDPOINTS = {
    (function.name, endpoint.method, endpoint.template): endpoint
    for function in map(load, FUNCTIONS.values())
    for endpoint in function.endpoints
}


@pytest.mark.parametrize("copy", COPIES, ids=lambda path: path.parent.name)
def test_the_committed_document_is_the_one_the_schemas_make(copy: Any) -> None:
    assert copy.read_text() == as_text(), "run `make openapi`"


def test_every_endpoint_is_described_and_nothing_else() -> None:
    assert set(OPERATIONS) == set(ENDPOINTS)
    for name, method, path in ENDPOINTS:
        assert method.lower() in DOCUMENT["paths"][f"/{name}{path}"]


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
    schema, example = ENDPOINTS[endpoint].body, OPERATIONS[endpoint].example
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


def test_every_post_of_a_merchant_takes_an_idempotency_key() -> None:
    for (name, method, path), endpoint in ENDPOINTS.items():
        if method == "POST" and endpoint.rights:
            parameters = DOCUMENT["paths"][f"/{name}{path}"]["post"]["parameters"]
            assert "Idempotency-Key" in [parameter["name"] for parameter in parameters]
