"""Clients who send half a request, or do not read their answer, take nothing from anybody else."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from common.web._health import LIVE, READY
from common.web.protocol import BODY_SECONDS, HEAD_SECONDS
from tests.support.client import Client
from tests.support.factories import Shop, make_popup, make_shop, view
from tests.support.proxy import proxy_to
from tests.support.raw_http import answer_to, connected, ends, head
from tests.support.stack import FUNCTIONS, Database, FunctionProcess, Stack, eventually

SLOW_CLIENTS = 60
JSON = {"Content-Type": "application/json"}
POSTS = {"track_view": "/", "track_conversion": "/", "manage_popups": "/popups"}

Start = Callable[..., FunctionProcess]
Slow = Callable[[str, Shop], bytes]


def half_a_body(name: str, headers: dict[str, str]) -> bytes:
    return head("POST", POSTS.get(name, "/shop"), {**headers, **JSON, "Content-Length": 1000}) + b'{"name"'


SLOW: dict[str, Slow] = {
    "nothing": lambda name, shop: b"",
    "half a head": lambda name, shop: head("GET", "/shop", shop.writer)[:-2],
    "half a body": lambda name, shop: half_a_body(name, {}),
    "half a body with a key": lambda name, shop: half_a_body(name, shop.writer),
    "half a chunk with a key": lambda name, shop: (
        head("POST", POSTS.get(name, "/shop"), {**shop.writer, **JSON, "Transfer-Encoding": "chunked"}) + b"ff\r\n{"
    ),
    "a body where none belongs": lambda name, shop: head("GET", "/shop", {**shop.writer, "Content-Length": 1000}),
}


@pytest.fixture(scope="module")
def functions(request: pytest.FixtureRequest) -> dict[str, FunctionProcess]:
    return {name: request.getfixturevalue(name) for name in FUNCTIONS}


@pytest.fixture(scope="module")
def shop(database: Database) -> Shop:
    return make_shop(database)


@pytest.fixture(scope="module")
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@contextlib.contextmanager
def sending(function: FunctionProcess, sent: bytes, *, clients: int = SLOW_CLIENTS) -> Iterator[list[socket.socket]]:
    """So many connections on which that was sent and no more comes."""
    with contextlib.ExitStack() as open_ones:
        sockets = [open_ones.enter_context(connected(function)) for _ in range(clients)]
        for client in sockets:
            client.sendall(sent)
        yield sockets


@contextlib.contextmanager
def dripping(sockets: list[socket.socket]) -> Iterator[None]:
    """Each sends a byte every now and then, sooner than a body counts as slow."""
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.03):
            for client in sockets:
                with contextlib.suppress(OSError):
                    client.sendall(b" ")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def assert_answers_others(function: FunctionProcess, shop: Shop, popup_id: str) -> None:
    for path in (LIVE, READY):
        assert requests.get(f"{function.url}{path}", timeout=10).status_code == 200
    client = Client(function, shop.write_key)
    if function.name == "track_view":
        assert client.post(json=view(popup_id)).status_code == 202
    elif function.name == "manage_popups":
        # On a busy machine a body may come too late for its thread, and is told to come again.
        eventually(lambda: client.post("/popups", {"name": "Whole"}).status_code == 201, seconds=20)
    elif function.name == "stats":
        assert client.get("/shop").status_code == 200


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_while_many_send_slowly_all_others_are_answered(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str, sent: Slow
) -> None:
    with sending(functions[name], sent(name, shop)):
        assert_answers_others(functions[name], shop, popup_id)


@pytest.mark.parametrize("name", ["track_view", "manage_popups"])
def test_while_many_send_a_byte_at_a_time_all_others_are_answered(
    functions: dict[str, FunctionProcess], shop: Shop, popup_id: str, name: str
) -> None:
    with sending(functions[name], half_a_body(name, shop.writer), clients=20) as sockets, dripping(sockets):
        for _ in range(10):
            assert_answers_others(functions[name], shop, popup_id)


REFUSED: dict[str, tuple[str, str, str, int]] = {
    "without a key": ("manage_popups", "POST", "/popups", 401),
    "at no address": ("manage_popups", "POST", "/nothing", 404),
    "by a verb that is none here": ("stats", "PUT", "/shop", 405),
    "to read": ("stats", "GET", "/nothing", 404),
    "at no address of a storefront": ("track_view", "POST", "/nothing", 404),
    "by a verb that is none of a storefront's": ("get_active_popups", "POST", "/", 405),
}


@pytest.mark.parametrize(("name", "method", "path", "status"), REFUSED.values(), ids=REFUSED)
def test_who_is_refused_hears_so_before_his_body_has_come(
    functions: dict[str, FunctionProcess], name: str, method: str, path: str, status: int
) -> None:
    with connected(functions[name]) as client:
        client.sendall(head(method, path, {**JSON, "Content-Length": 100_000}) + b"{")
        assert answer_to(client)[0] == status


@pytest.mark.parametrize("name", ["track_view", "manage_popups"])
def test_a_limit_holds_before_a_body_is_read(start_function: Start, shop: Shop, name: str) -> None:
    function = start_function(name, RATE_LIMIT_VIEWS="2", RATE_LIMIT_DEFAULT="2", REDIS_URL=None)
    for _ in range(2):
        assert requests.get(f"{function.url}/nothing", timeout=10).status_code == 404
    with connected(function) as client:
        client.sendall(half_a_body(name, shop.writer))
        status, headers, problem = answer_to(client)
    assert (status, problem["code"]) == (429, "rate_limited")
    assert int(headers["retry-after"]) >= 1


@pytest.mark.parametrize("name", ["track_view", "manage_popups"])
def test_who_announces_too_much_hears_so_at_once_and_may_go_on(
    functions: dict[str, FunctionProcess], shop: Shop, name: str
) -> None:
    with connected(functions[name]) as client:
        size = 2 * 1024 * 1024
        client.sendall(head("POST", POSTS[name], {**shop.writer, **JSON, "Content-Length": size}) + b"{")
        status, _, problem = answer_to(client)
        assert (status, problem["code"]) == (413, "body_too_large")
        client.sendall(b" " * (size - 1) + head("GET", LIVE, {}))
        assert answer_to(client)[0] == 200


def test_a_connection_without_a_request_is_closed(functions: dict[str, FunctionProcess], shop: Shop) -> None:
    """By a server of either kind: both at once, because they take their time."""
    with connected(functions["get_active_popups"]) as silent, connected(functions["stats"]) as slow:
        slow.sendall(SLOW["half a head"]("stats", shop))
        for client in (silent, slow):
            client.settimeout(HEAD_SECONDS + 30)
            assert ends(client)


@pytest.mark.parametrize("send_more", [contextlib.nullcontext, dripping], ids=["nothing more", "a byte at a time"])
def test_of_merchants_threads_half_wait_for_slow_bodies_and_whoever_comes_on_top_is_told_to_come_again(
    start_function: Start,
    shop: Shop,
    popup_id: str,
    send_more: Callable[[list[socket.socket]], contextlib.AbstractContextManager[None]],
) -> None:
    function = start_function("manage_popups", THREADS="4")
    with sending(function, half_a_body("manage_popups", shop.writer), clients=5) as sockets, send_more(sockets):
        refused: list[tuple[int, dict[str, str], Any]] = []
        deadline = time.monotonic() + BODY_SECONDS / 2
        while len(refused) < 3:
            assert time.monotonic() < deadline
            for client in sockets:
                client.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    refused.append(answer_to(client))
        assert {(status, problem["code"]) for status, _, problem in refused} == {(503, "too_many_slow_clients")}
        assert_answers_others(function, shop, popup_id)


# Who does not read


@pytest.fixture(scope="module")
def large_shop(database: Database) -> Shop:
    """Its subscribers' CSV has about 20 MB."""
    shop = make_shop(database)
    database(
        """
        INSERT INTO email_subscribers (id, shop_id, popup_id, email, email_normalized, name)
        SELECT gen_random_uuid(), :shop_id, :popup_id, 'a' || number || '@example.com',
            'a' || number || '@example.com', repeat('n', 180)
        FROM generate_series(1, 80000) AS number
        """,
        shop_id=shop.id,
        popup_id=make_popup(database, shop),
    )
    return shop


def test_while_many_do_not_read_their_csv_all_others_are_answered(
    start_function: Start, shop: Shop, popup_id: str, large_shop: Shop
) -> None:
    function = start_function("manage_popups", THREADS="4")
    with contextlib.ExitStack() as open_ones:
        for _ in range(6):
            client = open_ones.enter_context(connected(function, receive_bytes=4096))
            client.sendall(head("GET", "/subscribers.csv", large_shop.reader))
            assert client.recv(1)
        for _ in range(10):
            assert_answers_others(function, shop, popup_id)


def test_an_export_that_nobody_wants_any_more_is_not_made(
    stack: Stack, start_function: Start, large_shop: Shop
) -> None:
    """It has a page of 1000 subscribers a statement."""
    with proxy_to(stack.postgres.port) as to_postgres:
        url = stack.database_url.replace(f":{stack.postgres.port}/", f":{to_postgres.port}/")
        function = start_function("manage_popups", DATABASE_URL=url)
        with connected(function, receive_bytes=4096) as client:
            client.sendall(head("GET", "/subscribers.csv", large_shop.reader))
            assert client.recv(1)
            # Closed at once: what has not been read is thrown away, and the server hears of it.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        asked = -1
        while asked != to_postgres.round_trips:
            asked = to_postgres.round_trips
            time.sleep(1)
        assert asked < 40


def test_a_whole_csv_is_had_by_who_reads_it_slowly(manage_popups: FunctionProcess, large_shop: Shop) -> None:
    headers = {**large_shop.reader, "Accept-Encoding": "identity"}
    with requests.get(f"{manage_popups.url}/subscribers.csv", headers=headers, stream=True, timeout=30) as answer:
        lines = 0
        for part in answer.iter_content(1 << 20):
            lines += part.count(b"\n")
            time.sleep(0.05)
    assert lines == 80_001
