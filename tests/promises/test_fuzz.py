"""schemathesis against every function: whatever is sent, no answer is a 500 and each is as documented.

A few requests of each kind in `make test`; `make fuzz` sends many more (FUZZ_EXAMPLES of each).
"""

import json
import os
import uuid
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from common.web._description import describe
from tests.support.factories import Shop, capture, make_discount_code, make_popup, purchase
from tests.support.stack import FUNCTIONS, Database, FunctionProcess

# Without it: few, and the same in every run.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "8"))
DERANDOMIZE = "FUZZ_EXAMPLES" not in os.environ
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

# Each function as it describes itself.
DOCUMENTS: dict[str, dict[str, Any]] = {name: json.loads(describe(name).body) for name in FUNCTIONS}
SCHEMAS = {name: schemathesis.openapi.from_dict(document) for name, document in DOCUMENTS.items()}
OPERATIONS = [
    (name, method.upper(), path)
    for name, document in DOCUMENTS.items()
    for path, item in document["paths"].items()
    for method in item
]


@pytest.fixture
def ids(database: Database, shop: Shop, track_conversion: FunctionProcess) -> dict[str, str]:
    """One of everything that a path can name."""
    popup_id = make_popup(database, shop, offer={"type": "email_capture"})
    event = capture(popup_id, f"{uuid.uuid4().hex}@example.com", consent=True, consent_text="Yes")
    for each in (event, purchase(popup_id, "1001")):
        assert requests.post(track_conversion.url, json=each, timeout=10).status_code == 201
    return {
        "popup_id": popup_id,
        "code_id": make_discount_code(database, shop, codes=[f"F-{uuid.uuid4()}"]),
        "subscriber_id": str(database.value("SELECT id FROM email_subscribers WHERE shop_id = :id", id=shop.id)),
        "key_id": str(uuid.uuid4()),  # not the one in use
        "order_id": "1001",
        "source_id": str(uuid.uuid4()),  # of no shop: its secrets sign what it sends
        "request_id": str(uuid.uuid4()),
    }


def name_known_things(case: schemathesis.Case[Any], shop: Shop, ids: dict[str, str]) -> None:
    """Replace the case's ids by those of existing things, and its patch by the documented example."""
    case.path_parameters = {key: ids[key] for key in case.path_parameters or ()}
    if isinstance(case.query, dict) and "shop_id" in case.query:
        case.query["shop_id"] = shop.id
    events = case.body.get("events", [case.body]) if isinstance(case.body, dict) else []
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict) and "popup_id" in event:
            event["popup_id"] = ids["popup_id"]
    if case.media_type == "application/merge-patch+json":
        (content,) = case.operation.definition.raw["requestBody"]["content"].values()
        case.body = content["example"]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_every_answer_is_as_documented(
    request: pytest.FixtureRequest,
    shop: Shop,
    ids: dict[str, str],
    operation: tuple[str, str, str],
    mode: GenerationMode,
) -> None:
    name, method, path = operation
    url = request.getfixturevalue(name).url
    described = SCHEMAS[name][path][method]
    if mode is GenerationMode.NEGATIVE and not (described.body or described.query or described.path_parameters):
        pytest.skip("nothing to get wrong")

    @given(case=described.as_strategy(generation_mode=mode), known=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        derandomize=DERANDOMIZE,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def send(case: schemathesis.Case[Any], known: bool) -> None:
        if known:
            name_known_things(case, shop, ids)
        authorization = {"Authorization": f"Bearer {shop.write_key}"}
        response = case.call(base_url=url, session=session, headers=authorization, timeout=20)
        case.validate_response(response, checks=CHECKS)

    with requests.Session() as session:
        send()
