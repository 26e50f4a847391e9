"""The log line of a request: everything an operator reads from it, nothing that a person is known by."""

import io
import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
import requests
from google.cloud.logging_v2.handlers import StructuredLogHandler

from common.logs import LABELS, SAMPLED, SPAN, TRACE
from common.version import VERSION
from tests.support.calls import good_call
from tests.support.factories import Shop, capture, make_popup, make_shop
from tests.support.stack import FUNCTIONS, ROOT, Database, FunctionProcess, Stack, eventually

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
ADDRESS = "198.51.100.77"


@pytest.fixture(scope="module")
def functions(stack: Stack) -> Iterator[dict[str, FunctionProcess]]:
    """All of them, with limits on and behind one proxy."""
    limits = {f"RATE_LIMIT_{name}": "100" for name in ("VIEWS", "CONVERSIONS", "STATS", "DEFAULT", "ORDERS")}
    started = {name: stack.start_function(name, TRUSTED_PROXIES="1", **limits) for name in FUNCTIONS}
    yield started
    for function in started.values():
        function.stop()


@pytest.fixture(scope="module")
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture(scope="module")
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@pytest.fixture
def ask(functions: dict[str, FunctionProcess], shop: Shop, popup_id: str) -> Callable[..., requests.Response]:
    """Return a function that sends a request to the function of a name, which answers it with a 2xx."""

    def send(name: str, **headers: str) -> requests.Response:
        method, path, body, own = good_call(name, shop, popup_id)
        if name == "track_conversion":
            body = capture(popup_id, "jane.doe@example.com")
        headers = {**shop.writer, "X-Forwarded-For": ADDRESS, **(own or {}), **headers}
        answer = requests.request(method, functions[name].url + path, json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer

    return send


def line_of(function: FunctionProcess, answer: requests.Response) -> dict[str, Any]:
    request_id = answer.headers["X-Request-Id"]

    def found() -> list[dict[str, Any]]:
        lines = [line for line in function.log_lines() if "httpRequest" in line]
        return [line for line in lines if line[LABELS]["request_id"] == request_id]

    (line,) = eventually(found)
    return dict(line)


@pytest.mark.parametrize("name", FUNCTIONS)
class TestEveryFunction:
    def test_a_request_is_one_line_that_says_what_became_of_it(
        self, functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response], name: str
    ) -> None:
        answer = ask(name)
        line = line_of(functions[name], answer)
        assert line["severity"] == "INFO"
        assert line["message"] == f"{answer.request.method} {name} {answer.status_code}"
        assert line["httpRequest"]["status"] == answer.status_code
        assert line["httpRequest"]["requestMethod"] == answer.request.method
        assert float(line["httpRequest"]["latency"].removesuffix("s")) > 0
        assert line[LABELS] == {
            "function": name,
            "request_id": answer.headers["X-Request-Id"],
            "version": VERSION,
        }
        assert line["limit"] == "passed"
        assert line["pool"].keys() == {"in_use", "waiting", "max"}
        assert line["pool"]["max"] == 20
        assert line.get("cache") == answer.headers.get("X-Cache")

    def test_it_says_what_was_waited_for(
        self, functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response], name: str
    ) -> None:
        waited: dict[str, float] = {}
        for _ in range(3):  # a limit is settled with Redis at the second request at the latest
            waited |= line_of(functions[name], ask(name)).get("waited_seconds", {})
        assert waited.keys() <= {"redis", "connection", "database", "commit"}
        assert "redis" in waited
        assert all(seconds >= 0 for seconds in waited.values())

    def test_what_a_client_sends_ends_no_line(
        self, functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response], name: str
    ) -> None:
        """U+0085 is a line's end to some readers; a newline cannot stand in a header."""
        line = line_of(functions[name], ask(name, **{"User-Agent": "before\x85after"}))
        assert line["httpRequest"]["userAgent"].startswith("before")

    def test_a_trace_that_was_sent_is_the_lines_own(
        self, functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response], name: str
    ) -> None:
        answer = ask(name, traceparent=TRACEPARENT)
        assert answer.headers["X-Request-Id"] == TRACE_ID
        lines = [line for line in functions[name].log_lines() if line.get(TRACE) == TRACE_ID]
        assert [line[LABELS]["request_id"] for line in lines] == [TRACE_ID]
        assert TRACE not in line_of(functions[name], ask(name))

    def test_a_refused_request_says_so(
        self, functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response], name: str
    ) -> None:
        headers = {"X-Forwarded-For": f"203.0.113.{FUNCTIONS.index(name)}"}
        answers = [requests.get(functions[name].url, headers=headers, timeout=30) for _ in range(110)]
        assert answers[-1].status_code == 429
        assert line_of(functions[name], answers[-1])["limit"] == "refused"

    def test_nobody_is_known_by_it(
        self, functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response], shop: Shop, name: str
    ) -> None:
        ask(name)
        written = functions[name].logs()
        for secret in ("jane.doe", "example.com", shop.write_key, shop.write_key[4:20], ADDRESS, "127.0.0.1:"):
            assert secret not in "".join(line for line in written.splitlines() if line.startswith("{"))
        assert ADDRESS not in written
        assert shop.write_key not in written
        assert "198.51.100.0" in written


PROJECT = "acme-shops"
SPAN_ID = "b7ad6b7169203331"
TRACES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "W3C's, sampled": ({"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}, {SPAN: SPAN_ID, SAMPLED: True}),
    "W3C's, not sampled": ({"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00"}, {SPAN: SPAN_ID, SAMPLED: False}),
    "W3C's, other flags": ({"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-02"}, {SPAN: SPAN_ID, SAMPLED: False}),
    "W3C's of a later version": ({"traceparent": f"cc-{TRACE_ID}-{SPAN_ID}-01-more"}, {SPAN: SPAN_ID, SAMPLED: True}),
    "Google's, sampled": (
        {"X-Cloud-Trace-Context": f"{TRACE_ID}/74;o=1"},
        {SPAN: "000000000000004a", SAMPLED: True},
    ),
    "Google's, not sampled": (
        {"X-Cloud-Trace-Context": f"{TRACE_ID}/18446744073709551615;o=0"},
        {SPAN: "f" * 16, SAMPLED: False},
    ),
    "Google's without options": ({"X-Cloud-Trace-Context": f"{TRACE_ID}/1"}, {SPAN: f"{1:016x}", SAMPLED: False}),
    "Google's without a span": ({"X-Cloud-Trace-Context": TRACE_ID}, {SAMPLED: False}),
    "Google's with a span of 0": ({"X-Cloud-Trace-Context": f"{TRACE_ID}/0;o=1"}, {SAMPLED: True}),
    "Google's with a span too large": ({"X-Cloud-Trace-Context": f"{TRACE_ID}/99999999999999999999"}, {SAMPLED: False}),
}


@pytest.fixture(scope="module")
def in_a_project(stack: Stack) -> Iterator[dict[str, FunctionProcess]]:
    """One function on each server, without a database."""
    env = {"GOOGLE_CLOUD_PROJECT": PROJECT, "DATABASE_URL": "postgresql://127.0.0.1:1/nothing"}
    started = {name: stack.start_function(name, **env) for name in ("track_view", "stats")}
    yield started
    for function in started.values():
        function.stop()


@pytest.mark.parametrize(("headers", "fields"), TRACES.values(), ids=TRACES)
@pytest.mark.parametrize("name", ["track_view", "stats"])
def test_a_line_is_tied_to_its_trace_as_cloud_logging_finds_it(
    in_a_project: dict[str, FunctionProcess], name: str, headers: dict[str, str], fields: dict[str, Any]
) -> None:
    function = in_a_project[name]
    before = function.log_bytes()
    assert requests.get(f"{function.url}/nothing", headers=headers, timeout=30).headers["X-Request-Id"] == TRACE_ID
    (line,) = eventually(lambda: function.log_lines(since=before))
    told = {key: value for key, value in line.items() if key in (TRACE, SPAN, SAMPLED)}
    assert told == {TRACE: f"projects/{PROJECT}/traces/{TRACE_ID}", **fields}


@pytest.mark.parametrize("name", ["track_view", "stats"])
def test_every_line_about_a_request_has_its_trace_and_no_others(
    in_a_project: dict[str, FunctionProcess], name: str, shop: Shop, popup_id: str
) -> None:
    """Here also that there is no database."""
    function = in_a_project[name]
    before = function.log_bytes()
    if name == "stats":
        headers = {**shop.reader, "traceparent": TRACEPARENT}
        answer = requests.get(f"{function.url}/shop", headers=headers, timeout=30)
    else:
        answer = requests.get(f"{function.url}/_ready", headers={"traceparent": TRACEPARENT}, timeout=30)
    assert answer.status_code == 503
    lines = eventually(lambda: [line for line in function.log_lines(since=before) if "httpRequest" in line])
    lines = function.log_lines(since=before)
    assert len(lines) > 1
    assert {line.get(TRACE) for line in lines} == {f"projects/{PROJECT}/traces/{TRACE_ID}"}
    requests.get(f"{function.url}/_health", timeout=30)
    assert TRACE not in function.log_lines()[-1]


def test_a_crawler_is_named_by_its_kind(
    functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response]
) -> None:
    function = functions["track_view"]
    assert "crawler" not in line_of(function, ask("track_view"))
    assert line_of(function, ask("track_view", **{"User-Agent": GOOGLEBOT}))["crawler"] == "search-engine"


def test_an_error_of_ours_is_an_error_with_its_request(stack: Stack, shop: Shop) -> None:
    function = stack.start_function("stats", DATABASE_URL="postgresql://127.0.0.1:1/nothing")
    try:
        answer = requests.get(f"{function.url}/shop", headers=shop.reader, timeout=30)
        line = line_of(function, answer)
    finally:
        function.stop()
    assert (answer.status_code, line["severity"], line["httpRequest"]["status"]) == (503, "ERROR", 503)


def test_the_names_are_those_of_google_cloud_logging(
    functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response]
) -> None:
    """What the library writes for the same request; it has some more of the code, which our lines do without."""
    stream = io.StringIO()
    logger = logging.Logger("reference")
    handler = StructuredLogHandler(stream=stream)
    logger.addHandler(handler)
    with flask.Flask("reference").test_request_context("/", headers={"traceparent": TRACEPARENT}):
        labels = {"function": "get_active_popups", "request_id": TRACE_ID, "version": VERSION}
        logger.info("GET get_active_popups 200", extra={"labels": labels})
    theirs = json.loads(stream.getvalue().splitlines()[-1])
    ask("get_active_popups", traceparent=TRACEPARENT)
    ours = next(line for line in functions["get_active_popups"].log_lines() if line.get(TRACE) == TRACE_ID)
    for name in ("severity", "message", TRACE, SPAN, SAMPLED):
        assert ours[name] == theirs[name]
    assert ours[LABELS].items() <= theirs[LABELS].items()
    assert theirs["httpRequest"].keys() - {"protocol"} <= ours["httpRequest"].keys()
    assert set(filter(lambda name: name.startswith("logging."), ours)) <= theirs.keys()


def test_a_request_id_is_made_where_no_trace_was_sent(ask: Callable[..., requests.Response]) -> None:
    ids = {ask("get_active_popups").headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(uuid.UUID(hex=id_) for id_ in ids)


def paths_in(value: Any, path: str = "") -> set[str]:
    """Return the paths of all names in an object: of `{"a": {"b": 1}}`, `a` and `a.b`."""
    if not isinstance(value, dict):
        return {path}
    return {path} | {each for name, inner in value.items() for each in paths_in(inner, f"{path}.{name}".lstrip("."))}


def test_every_number_of_the_readmes_monitoring_section_is_in_the_lines(
    functions: dict[str, FunctionProcess], ask: Callable[..., requests.Response]
) -> None:
    section = (ROOT / "README.md").read_text().partition("### Monitoring\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[2] for line in section.splitlines() if line.startswith("|")]
    named = {word for cell in cells for word in re.findall(r"`([a-z][\w.]*)`", cell)} - {"passed", "refused"}
    for name in FUNCTIONS:
        for _ in range(2):
            ask(name)
        requests.get(f"{functions[name].url}/_ready", timeout=30).raise_for_status()
    ask("track_view", **{"User-Agent": GOOGLEBOT})
    lines = [line for function in functions.values() for line in function.log_lines()]
    assert named
    assert named - {path for line in lines for path in paths_in(line)} == set()
