"""What is no request, or only half of one, is a problem as every other: told, counted, and one line in the log."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import functions_framework
import pytest
import requests

from tests.support.client import Client
from tests.support.factories import Shop, make_shop
from tests.support.raw_http import answer_to, connected, ends, head
from tests.support.stack import FUNCTIONS, ROOT, Database, FunctionProcess, Stack, eventually

Start = Callable[..., FunctionProcess]

POSTS = {"track_view": "/", "track_conversion": "/", "manage_popups": "/popups"}
QUOTA = 1000


@pytest.fixture(scope="module")
def limited(stack: Stack) -> Iterator[dict[str, FunctionProcess]]:
    limits = {f"RATE_LIMIT_{name}": str(QUOTA) for name in ("VIEWS", "CONVERSIONS", "STATS", "DEFAULT")}
    started = {name: stack.start_function(name, **limits, REDIS_URL=None) for name in POSTS}
    yield started
    for function in started.values():
        function.stop()


@pytest.fixture(scope="module")
def shop(database: Database) -> Shop:
    return make_shop(database)


def used(headers: Mapping[str, str]) -> int:
    """How much of the limit is used up."""
    return QUOTA - int(headers["ratelimit"].partition("r=")[2].partition(";")[0])


CHUNKED, TEN_BYTES = {"Transfer-Encoding": "chunked"}, {"Content-Length": "10"}
BROKEN_BODIES: dict[str, tuple[dict[str, str], bytes, bool]] = {
    "a chunk of no size": (CHUNKED, b"ZZ\r\n{}\r\n0\r\n\r\n", False),
    "a chunk without an end": (CHUNKED, b"2\r\n{}}}}}\r\n0\r\n\r\n", False),
    "a negative chunk": (CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n", False),
    "a chunk larger than all": (CHUNKED, b"fffffffffffffffffffff\r\n{}", False),
    "rubbish after a chunk": (CHUNKED, b"2\r\n{}\r\nrubbish\r\n", False),
    "a chunk cut short": (CHUNKED, b"ff\r\n{}", True),
    "chunks without a last one": (CHUNKED, b"2\r\n{}\r\n", True),
    "fewer bytes than announced": (TEN_BYTES, b"{}", True),
    "no bytes at all": (TEN_BYTES, b"", True),
}


@pytest.mark.parametrize(("framing", "body", "hangs_up"), BROKEN_BODIES.values(), ids=BROKEN_BODIES)
@pytest.mark.parametrize("name", POSTS)
def test_a_body_that_breaks_off_is_a_400_that_counts_and_is_logged_once(
    limited: dict[str, FunctionProcess],
    shop: Shop,
    name: str,
    framing: dict[str, str],
    body: bytes,
    hangs_up: bool,
) -> None:
    function = limited[name]
    before, written = used(requests.get(f"{function.url}/nothing", timeout=10).headers), function.log_bytes()
    with connected(function) as client:
        client.sendall(head("POST", POSTS[name], {**shop.writer, "Content-Type": "application/json", **framing}) + body)
        if hangs_up:
            client.shutdown(socket.SHUT_WR)
        status, headers, problem = answer_to(client)
        assert ends(client)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert (problem["code"], problem["request_id"]) == ("incomplete_body", headers["x-request-id"])
    assert used(headers) == before + 1
    eventually(lambda: problem["request_id"] in function.logs())
    (line,) = function.logs(since=written).splitlines()
    assert f'"POST {name} 400"' in line
    assert '"severity":"INFO"' in line


@pytest.mark.parametrize("name", POSTS)
def test_who_is_gone_before_his_body_has_come_is_a_line_in_the_log(
    limited: dict[str, FunctionProcess], shop: Shop, name: str
) -> None:
    function = limited[name]
    written = function.log_bytes()
    with connected(function) as client:
        client.sendall(head("POST", POSTS[name], {**shop.writer, "Content-Type": "application/json", **TEN_BYTES}))
    (line,) = eventually(lambda: function.logs(since=written).splitlines())
    assert f'"POST {name} 400"' in line


NOT_HTTP: dict[str, bytes] = {
    "a greeting": b"HELLO\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100,
    "an address beyond ASCII": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "no address": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "a host without a path": b"GET http://evil.example HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a length in words": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a length and chunks": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n",
    "a control character in a host": b"GET / HTTP/1.1\r\nHost: a\x01b\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", NOT_HTTP.values(), ids=NOT_HTTP)
@pytest.mark.parametrize("name", ["get_active_popups", "stats"])
def test_what_is_no_http_is_a_400_and_the_end_of_the_connection(
    request: pytest.FixtureRequest, name: str, sent: bytes
) -> None:
    function: FunctionProcess = request.getfixturevalue(name)
    written = function.log_bytes()
    with connected(function) as client:
        client.sendall(sent)
        status, headers, problem = answer_to(client)
        assert ends(client)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert (problem["code"], problem["request_id"]) == ("malformed_request", headers["x-request-id"])
    eventually(lambda: problem["request_id"] in function.logs(since=written))
    assert len(function.logs(since=written).splitlines()) == 1
    assert requests.get(f"{function.url}/_health", timeout=10).status_code == 200


# What functions-framework and Flask would answer themselves
THEIRS: dict[str, tuple[str, str, dict[str, str], int]] = {
    "/robots.txt": ("GET", "/robots.txt", {}, 404),
    "/favicon.ico": ("GET", "/favicon.ico", {}, 404),
    "a verb of WebDAV": ("PROPFIND", "/nothing", {}, 404),
    "TRACE": ("TRACE", "/nothing", {}, 404),
    "two slashes": ("GET", "//nothing//at//all", {}, 404),
    "dots": ("GET", "/../nothing", {}, 404),
    "every address": ("OPTIONS", "*", {}, 404),
    "a whole address": ("GET", "http://evil.example/nothing", {}, 404),
    "an upgrade to WebSocket": ("GET", "/nothing", {"Connection": "Upgrade", "Upgrade": "websocket"}, 404),
    "an upgrade to HTTP/2": ("GET", "/nothing", {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"}, 404),
    "an odd host": ("GET", "/nothing", {"Host": "a b<c>:port"}, 404),
    "a range": ("GET", "/nothing", {"Range": "bytes=0-1"}, 404),
}


@pytest.mark.parametrize(("method", "path", "headers", "status"), THEIRS.values(), ids=THEIRS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_answer_is_the_frameworks_own(
    request: pytest.FixtureRequest, name: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    function: FunctionProcess = request.getfixturevalue(name)
    with connected(function) as client:
        client.sendall(head(method, path, headers))
        told, answered, problem = answer_to(client)
    assert (told, answered["content-type"]) == (status, "application/problem+json")
    assert problem["code"] == "not_found"
    assert answered["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("name", ["plain_insert", "one_by_one"])
def test_of_two_functions_in_a_file_the_one_that_was_asked_for_is_served(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    application = functions_framework.create_app(name, str(ROOT / "benchmarks/ungrouped.py"))

    async def send(_: Any) -> None:
        pass

    scope: dict[str, Any] = {"method": "GET", "path": "/_health", "query_string": b"", "headers": [], "client": None}
    asyncio.run(application(scope, None, send))
    assert f"GET {name} 200" in capsys.readouterr().out


def test_a_header_with_an_underscore_is_not_taken_for_the_one_with_a_dash(start_function: Start) -> None:
    """WSGI has one name for both: anybody could choose the address that his limit is counted for."""
    function = start_function("manage_popups", RATE_LIMIT_DEFAULT="1000", TRUSTED_PROXIES="1", REDIS_URL=None)
    answers = [Client(function).get("/x", headers={"X_Forwarded_For": f"203.0.113.{number}"}) for number in range(3)]
    assert [used(answer.headers) for answer in answers] == [1, 2, 3]
