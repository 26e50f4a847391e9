"""What every function does around its handlers: health, request ids, limits, CORS, compression, outages, logs."""

import asyncio
import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from cli.function_table import FUNCTIONS as TABLE
from common import json_text, postgres
from common.config import Config
from common.version import VERSION
from common.web import _health, flask
from tests.support.calls import call, good_call
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, capture, make_popup, make_shop
from tests.support.stack import FUNCTIONS, NO_LIMITS, Database, FunctionProcess, Stack

STOREFRONT = [each.name for each in TABLE.values() if each.audience == "storefront"]
MERCHANT = [each.name for each in TABLE.values() if each.audience == "merchant"]
# Nobody listens on port 1.
DEAD_DATABASE, DEAD_REDIS = "postgresql://popups:hunter2@127.0.0.1:1/popups", "redis://127.0.0.1:1"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CONSOLE = "https://console.example"

Start = Callable[..., FunctionProcess]

every_function = pytest.mark.parametrize("name", FUNCTIONS)


@pytest.fixture(scope="module")
def functions(request: pytest.FixtureRequest) -> dict[str, FunctionProcess]:
    return {name: request.getfixturevalue(name) for name in FUNCTIONS}


@pytest.fixture(scope="module")
def in_the_dark(stack: Stack) -> dict[str, FunctionProcess]:
    """Functions with neither database nor cache, under the limits that hold when none is set."""
    env: dict[str, Any] = {**dict.fromkeys(NO_LIMITS), "DATABASE_URL": DEAD_DATABASE, "REDIS_URL": DEAD_REDIS}
    return {name: stack.start_function(name, **env) for name in FUNCTIONS}


@pytest.fixture(scope="module")
def alone(stack: Stack) -> dict[str, FunctionProcess]:
    """Functions that never had a cache."""
    return {name: stack.start_function(name, REDIS_URL=None, RATE_LIMIT_DEFAULT="60") for name in FUNCTIONS}


@pytest.fixture(scope="module")
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture(scope="module")
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


# Health


@every_function
def test_health_is_ok_without_postgres_and_redis(in_the_dark: dict[str, FunctionProcess], name: str) -> None:
    logged = in_the_dark[name].log_bytes()
    answer = Client(in_the_dark[name]).get("/_health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": VERSION})
    assert "waited_seconds" not in in_the_dark[name].logs(since=logged)  # it has not even tried


READINESS: dict[str, tuple[dict[str, str | None], int, dict[str, str]]] = {
    "the cache down": (
        {"REDIS_URL": DEAD_REDIS},
        200,
        {"status": "ok", "version": VERSION, "database": "ok", "cache": "down"},
    ),
    "the database down": (
        {"DATABASE_URL": DEAD_DATABASE},
        503,
        {"status": "unavailable", "version": VERSION, "database": "down", "cache": "ok"},
    ),
}


@every_function
def test_readiness_reports_database_and_cache(
    functions: dict[str, FunctionProcess],
    alone: dict[str, FunctionProcess],
    in_the_dark: dict[str, FunctionProcess],
    name: str,
) -> None:
    for function, status, state in (
        (functions[name], 200, {"status": "ok", "version": VERSION, "database": "ok", "cache": "ok"}),
        (alone[name], 200, {"status": "ok", "version": VERSION, "database": "ok", "cache": "memory"}),
        (in_the_dark[name], 503, {"status": "unavailable", "version": VERSION, "database": "down", "cache": "down"}),
    ):
        answer = Client(function).get("/_ready")
        assert (answer.status_code, answer.json()) == (status, state)


@pytest.mark.parametrize("name", ["get_active_popups", "stats"])
@pytest.mark.parametrize(("env", "status", "state"), READINESS.values(), ids=READINESS)
def test_readiness_is_a_503_while_the_database_is_down_and_only_then(
    start_function: Start, name: str, env: dict[str, str | None], status: int, state: dict[str, str]
) -> None:
    answer = Client(start_function(name, **env)).get("/_ready")
    assert (answer.status_code, answer.json()) == (status, state)
    assert ("Retry-After" in answer.headers) == (status == 503)


@every_function
@pytest.mark.parametrize("path", ["/_health", "/_ready"])
def test_health_is_only_read(functions: dict[str, FunctionProcess], name: str, path: str) -> None:
    client = Client(functions[name])
    assert client("HEAD", path).status_code == 200
    for verb in ("POST", "PUT", "DELETE", "PATCH"):
        answer = client(verb, path)
        assert_problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


# Request ids


REQUEST_IDS: dict[str, tuple[dict[str, str], bool]] = {
    "the W3C's": ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, True),
    "Google's": ({"X-Cloud-Trace-Context": f"{TRACE}/1234567890;o=1"}, True),
    "Google's alone": ({"X-Cloud-Trace-Context": TRACE}, True),
    "both": ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "X-Cloud-Trace-Context": "f" * 32}, True),
    "Google's in capitals": ({"X-Cloud-Trace-Context": f"{TRACE.upper()}/1"}, True),
    "Google's behind rubbish": ({"traceparent": "rubbish", "X-Cloud-Trace-Context": f"{TRACE}/1"}, True),
    "W3C's for none": ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, False),
    "none": ({}, False),
    "too short": ({"traceparent": "00-4bf9-00f067aa0ba902b7-01"}, False),
    "not hexadecimal": ({"X-Cloud-Trace-Context": "g" * 32}, False),
    "a script": ({"traceparent": "00-<script>alert(1)</script>-0-01"}, False),
}


@pytest.mark.parametrize(("headers", "is_kept"), REQUEST_IDS.values(), ids=REQUEST_IDS)
@every_function
def test_a_request_id_is_the_platforms_trace_id_or_a_new_one(
    functions: dict[str, FunctionProcess], name: str, headers: dict[str, str], is_kept: bool
) -> None:
    ids = [Client(functions[name]).get("/nothing", headers=headers).headers["X-Request-Id"] for _ in range(2)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", id_) for id_ in ids)
    if is_kept:
        assert ids == [TRACE, TRACE]
    else:
        assert len(set(ids)) == 2


@every_function
def test_every_answer_has_a_request_id(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    client = Client(functions[name])
    answers = [client.get("/_health"), client.get("/nothing"), client("OPTIONS"), client("PUT", "/")]
    answers.append(call(functions[name], shop, popup_id))
    assert all(re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"]) for answer in answers)


@every_function
def test_the_request_id_of_an_answer_finds_its_log_line(functions: dict[str, FunctionProcess], name: str) -> None:
    answer = Client(functions[name]).get("/nothing/to/log")
    (line,) = [line for line in functions[name].logs().split("\n") if answer.headers["X-Request-Id"] in line]
    logged = json.loads(line)
    assert logged["httpRequest"] | {"status": 404, "requestMethod": "GET"} == logged["httpRequest"]
    assert logged["httpRequest"]["requestUrl"] == "/nothing/to/log"


# The limit's headers


@every_function
def test_every_answer_tells_the_limit_in_force(
    in_the_dark: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    function = in_the_dark[name]
    label = TABLE[name].limit
    quota = getattr(Config, f"rate_limit_{label}")
    client = Client(function)
    uncounted = [client.get("/_health"), client.get("/_ready"), client("OPTIONS", "/shop")]
    counted = [call(function, shop, popup_id), client.get("/nothing"), client("PUT", "/shop")]
    for answer in [*uncounted, *counted]:
        assert answer.headers["RateLimit-Policy"] == f'"{label}";q={quota};w=60'
    for answer in uncounted:
        assert answer.headers["RateLimit"] == f'"{label}";r={quota};t=60'
    told = [
        re.fullmatch(rf'"{label}";r=([0-9]+);t=(60|[1-5]?[0-9])', answer.headers["RateLimit"]) for answer in counted
    ]
    remaining = [int(match[1]) for match in told if match]
    assert remaining == list(range(remaining[0], remaining[0] - 3, -1))


@every_function
def test_a_limit_of_0_is_off_and_told_nobody(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    answer = call(functions[name], shop, popup_id)
    assert answer.ok
    assert not {"RateLimit", "RateLimit-Policy"} & set(answer.headers)


# CORS


@pytest.mark.parametrize("name", STOREFRONT)
@pytest.mark.parametrize("origin", [None, "https://any.example", "null"])
def test_any_page_may_call_a_storefront_function_without_credentials(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str, origin: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}
    for answer in (call(functions[name], shop, popup_id, **headers), Client(functions[name]).get("/x")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("name", STOREFRONT)
def test_a_storefronts_preflight_is_answered_for_a_day(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    verb = good_call(name, shop, popup_id).method
    asked = {
        "Origin": "https://any.example",
        "Access-Control-Request-Method": verb,
        "Access-Control-Request-Headers": "content-type",
    }
    answer = Client(functions[name])("OPTIONS", headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Max-Age"] == "86400"
    assert verb in answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"].split(", ")


TRACED = "content-type,traceparent,sentry-trace,baggage,x-datadog-trace-id,b3"
ASKED: dict[str, tuple[str, bool]] = {
    "tracing agents'": (TRACED, True),
    "with spaces": ("baggage, traceparent", True),
    "a key": ("authorization", True),
    "a tab": ("x-a\tx-b", False),
    "a space in a name": ("x a", False),
    "no name": ("", False),
    "an umlaut": ("x-\u00fc", False),
    "too many": (",".join(["x-header"] * 1000), False),
}


@pytest.mark.parametrize("name", STOREFRONT)
@pytest.mark.parametrize(("asked", "is_named"), ASKED.values(), ids=ASKED)
def test_a_page_may_send_a_storefront_any_header(
    functions: dict[str, FunctionProcess], name: str, asked: str, is_named: bool
) -> None:
    headers: Any = {"Origin": "https://any.example", "Access-Control-Request-Headers": asked.encode()}
    answer = Client(functions[name])("OPTIONS", headers=headers)
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert allowed.startswith("Content-Type, If-None-Match, *")
    assert allowed.endswith(f"*, {asked}" if is_named else "*")
    assert "Access-Control-Request-Headers" in answer.headers["Vary"].split(", ")


@pytest.mark.parametrize("name", MERCHANT)
def test_a_console_may_send_the_headers_that_mean_something(functions: dict[str, FunctionProcess], name: str) -> None:
    asked = {"Origin": CONSOLE, "Access-Control-Request-Headers": TRACED}
    allowed = Client(functions[name])("OPTIONS", "/shop", headers=asked).headers["Access-Control-Allow-Headers"]
    assert allowed == "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"


@pytest.fixture(scope="module")
def for_the_console(stack: Stack) -> dict[str, FunctionProcess]:
    origins = f"{CONSOLE},http://localhost:3000"
    return {name: stack.start_function(name, CONSOLE_ORIGINS=origins) for name in MERCHANT}


@pytest.mark.parametrize("name", MERCHANT)
def test_a_console_may_call_the_merchants_functions_and_other_pages_may_not(
    for_the_console: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    function = for_the_console[name]
    for origin in (CONSOLE, "http://localhost:3000"):
        answer = call(function, shop, popup_id, Origin=origin)
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"Content-Disposition", "ETag", "Location", "X-Request-Id", "Retry-After"} <= set(exposed)
    for origin in (
        "https://evil.example",
        f"{CONSOLE}.evil.example",
        "http://console.example",
        "null",
        "*",
        CONSOLE.upper(),
    ):
        answer = call(function, shop, popup_id, Origin=origin)
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Origin" not in call(function, shop, popup_id).headers


@pytest.mark.parametrize("name", MERCHANT)
def test_an_answer_that_depends_on_the_origin_says_so(
    for_the_console: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    for headers in ({}, {"Origin": CONSOLE}, {"Origin": "https://evil.example"}):
        assert "Origin" in call(for_the_console[name], shop, popup_id, **headers).headers["Vary"].split(", ")


@pytest.mark.parametrize("origin", [CONSOLE, "https://evil.example"])
def test_a_merchants_preflight_allows_a_console_what_the_address_answers(
    for_the_console: dict[str, FunctionProcess], popup_id: str, origin: str
) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
    answer = Client(for_the_console["manage_popups"])("OPTIONS", f"/popups/{popup_id}", headers=asked)
    assert answer.status_code == 204
    if origin == CONSOLE:
        assert answer.headers["Access-Control-Allow-Origin"] == CONSOLE
        assert {"GET", "PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
        allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
        assert {"Authorization", "Content-Type", "Idempotency-Key", "If-Match"} <= allowed
    else:
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("name", MERCHANT)
def test_without_console_origins_no_page_may_call_a_merchants_function(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    for origin in (CONSOLE, "", "null"):
        answer = call(functions[name], shop, popup_id, Origin=origin)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_errors_carry_cors_too_so_that_a_page_can_read_them(
    for_the_console: dict[str, FunctionProcess], track_view: FunctionProcess
) -> None:
    answer = Client(for_the_console["stats"]).get("/shop", headers={"Origin": CONSOLE})
    assert_problem(answer, 401)
    assert answer.headers["Access-Control-Allow-Origin"] == CONSOLE
    answer = Client(track_view).post(json={})
    assert_problem(answer, 422)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# Compression


def padded(manage_popups: FunctionProcess, database: Database, size: int) -> tuple[Client, str]:
    """Return a client and a path whose answer has exactly this many bytes."""
    merchant = Client(manage_popups, make_shop(database).write_key)
    popup = merchant.post("/popups", {"name": "x"}).json()
    path = f"/popups/{popup['id']}?fields=description"
    empty = len(merchant.get(path).content)
    merchant.patch(f"/popups/{popup['id']}", {"description": "x" * (size - empty)})
    return merchant, path


def test_bodies_are_compressed_from_1_kib_on(manage_popups: FunctionProcess, database: Database) -> None:
    for size, is_compressed in ((1023, False), (1024, True)):
        merchant, path = padded(manage_popups, database, size)
        answer = merchant.get(path, headers={"Accept-Encoding": "gzip"})
        assert len(answer.content) == size
        assert ("Content-Encoding" in answer.headers) is is_compressed
        assert (int(answer.headers["Content-Length"]) < size) is is_compressed
        assert ("Accept-Encoding" in answer.headers["Vary"].split(", ")) is is_compressed


ACCEPTING: dict[str, tuple[str, bool]] = {
    "gzip": ("gzip", True),
    "a browser": ("gzip, deflate, br, zstd", True),
    "anything": ("*", True),
    "capitals": ("GZIP", True),
    "a little": ("gzip;q=0.1", True),
    "that and no other": ("*;q=0, gzip;q=1", True),
    "all others": ("*, gzip;q=0", False),
    "not": ("gzip;q=0", False),
    "not, with tabs": ("gzip\t;\tq=0", False),
    "not at all": ("br, gzip; q=0.000", False),
    "another": ("br", False),
    "identity": ("identity", False),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("accepts", "is_compressed"), ACCEPTING.values(), ids=ACCEPTING)
@pytest.mark.parametrize("name", ["manage_popups", "get_active_popups"])
def test_only_who_accepts_gzip_gets_it(
    functions: dict[str, FunctionProcess],
    large_shop: Shop,
    name: str,
    accepts: str,
    is_compressed: bool,
) -> None:
    path = f"/?shop_id={large_shop.id}" if name == "get_active_popups" else "/popups"
    headers = {"Authorization": f"Bearer {large_shop.read_key}", "Accept-Encoding": accepts}
    with requests.get(functions[name].url + path, headers=headers, stream=True, timeout=30) as answer:
        raw = answer.raw.read(decode_content=False)
    assert (answer.headers.get("Content-Encoding") == "gzip") is is_compressed
    assert int(answer.headers["Content-Length"]) == len(raw)
    assert len(json.loads(gzip.decompress(raw) if is_compressed else raw)["popups"]) == 3
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.fixture(scope="module")
def large_shop(database: Database) -> Shop:
    shop = make_shop(database)
    for _ in range(3):
        make_popup(database, shop, design={"subheading": "s" * 500})
    return shop


def test_an_error_of_1_kib_is_compressed_too(manage_popups: FunctionProcess, shop: Shop) -> None:
    many = {"name": "x", **{f"unknown_{number}": 1 for number in range(100)}}
    answer = Client(manage_popups, shop.write_key).post("/popups", many)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(assert_problem(answer, 422)["errors"]) == 100


# Verbs


@pytest.mark.parametrize("name", ["get_active_popups", "manage_popups", "stats"])
def test_head_answers_as_get_without_the_body(
    functions: dict[str, FunctionProcess], large_shop: Shop, name: str
) -> None:
    path = f"/?shop_id={large_shop.id}" if name == "get_active_popups" else "/shop"
    client = Client(functions[name], large_shop.read_key)
    client.get(path)  # from here on both come from the cache
    got, head = client.get(path), client("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    same = ("Content-Type", "Content-Length", "Content-Encoding", "ETag", "X-Cache", "Cache-Control")
    assert [head.headers.get(header) for header in same] == [got.headers.get(header) for header in same]


@every_function
def test_options_tells_the_verbs_of_an_address(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    path = good_call(name, shop, popup_id).path
    options = Client(functions[name])("OPTIONS", path)
    refused = Client(functions[name])("PUT", path)
    assert options.headers["Allow"] == refused.headers["Allow"]
    assert "Content-Type" not in options.headers
    assert_problem(Client(functions[name])("OPTIONS", "/nothing/here"), 404, "not_found")
    assert Client(functions[name])("OPTIONS", "/_health").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_an_address_may_end_with_a_slash(manage_popups: FunctionProcess, shop: Shop, popup_id: str) -> None:
    merchant = Client(manage_popups, shop.read_key)
    for path in ("/shop", "/popups", f"/popups/{popup_id}"):
        assert merchant.get(f"{path}/").json() == merchant.get(path).json()


# Outages


@every_function
def test_a_database_that_cannot_be_reached_is_a_503_with_retry_after(
    in_the_dark: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    answer = call(in_the_dark[name], shop, popup_id)
    problem = assert_problem(answer, 503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Cache-Control"] == "no-store"
    assert "127.0.0.1" not in problem["detail"]
    assert "hunter2" not in in_the_dark[name].logs()


@every_function
def test_without_redis_every_function_works(
    alone: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    assert [call(alone[name], shop, popup_id).ok for _ in range(3)] == [True] * 3


# Logs


def test_no_log_line_holds_a_key_an_e_mail_or_a_whole_address(start_function: Start, shop: Shop, popup_id: str) -> None:
    clients = {"X-Forwarded-For": "203.0.113.77"}
    manage = start_function("manage_popups", TRUSTED_PROXIES="1")
    Client(manage, shop.write_key).get("/shop?email=ada@example.com", headers=clients)
    Client(manage, "eip_not-a-key").get("/shop", headers=clients)
    track = start_function("track_conversion", TRUSTED_PROXIES="1")
    Client(track).post(json=capture(popup_id, "ada@example.com", name="Ada Lovelace"), headers=clients)
    Client(track).post(json=capture(popup_id, "ada at example.com"), headers=clients)
    for function in (manage, track):
        logs = function.logs()
        assert len([line for line in function.log_lines() if "httpRequest" in line]) >= 2
        for private in (shop.write_key, "eip_", "ada@", "ada at", "Lovelace", "203.0.113.77", "popups:popups@"):
            assert private not in logs
        assert "203.0.113.0" in logs


# What nobody sees unless he made a mistake


def test_a_handler_that_waits_for_an_event_loop_under_flask_is_an_error_and_no_hang() -> None:
    with pytest.raises(RuntimeError, match="event loop"):
        flask._run(asyncio.sleep(1))


def test_a_value_that_has_no_json_form_is_an_error_that_names_its_type() -> None:
    with pytest.raises(TypeError, match="complex"):
        json_text.dumps({"value": 1j})


def test_a_schema_that_cannot_be_read_makes_no_instance_look_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "fetch_one", lambda _: 1 / 0)
    assert _health.schema() == {}
