"""SIGTERM, as the platform sends it ten seconds before SIGKILL: what was accepted is answered, nothing new is taken."""

import http.client
import json
import os
import signal
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.support.factories import make_popup, make_shop
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import Database, FunctionProcess, Stack, eventually

PLATFORM_SECONDS = 10
SLOW_SECONDS = 0.5
CLIENTS = 8

Start = Callable[..., FunctionProcess]


@pytest.fixture
def slow_postgres(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(stack.postgres.port) as proxy:
        yield proxy


def through(proxy: Proxy) -> str:
    return f"postgresql://popups:popups@127.0.0.1:{proxy.port}/popups"


def view(popup_id: str) -> bytes:
    return json.dumps({"event_id": str(uuid.uuid4()), "popup_id": popup_id, "session_id": "visit"}).encode()


class Balancer:
    """Sends views until nobody takes them any more, and keeps count of what came of those that were taken."""

    def __init__(self, port: int, popup_id: str) -> None:
        self._port, self._popup_id = port, popup_id
        self.outcomes: Counter[str] = Counter()
        self.ending = threading.Event()
        self._clients = [threading.Thread(target=self._send_until_refused) for _ in range(CLIENTS)]

    def start(self) -> None:
        for client in self._clients:
            client.start()

    def join(self) -> None:
        for client in self._clients:
            client.join(PLATFORM_SECONDS)
            assert not client.is_alive()

    def _send_until_refused(self) -> None:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PLATFORM_SECONDS)
            try:
                connection.connect()
            except OSError:
                return  # nobody there: a load balancer goes elsewhere
            try:
                connection.request("POST", "/", view(self._popup_id), {"Content-Type": "application/json"})
                self.outcomes[str(connection.getresponse().status)] += 1
            except (OSError, http.client.HTTPException) as error:
                if self.ending.is_set() and type(error) in (BrokenPipeError, ConnectionResetError):
                    return  # it was in the kernel's queue still as that was closed: nobody had taken it
                self.outcomes[type(error).__name__] += 1
            finally:
                connection.close()


def end(function: FunctionProcess) -> float:
    """Seconds from SIGTERM to the end of the process."""
    started = time.monotonic()
    os.kill(function.pid, signal.SIGTERM)
    function.process.wait(PLATFORM_SECONDS)
    return time.monotonic() - started


def test_under_load_every_accepted_request_is_answered(
    start_function: Start, slow_postgres: Proxy, database: Database
) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    function = start_function("track_view", DATABASE_URL=through(slow_postgres))
    balancer = Balancer(function.port, popup_id)
    balancer.start()
    time.sleep(1)
    slow_postgres.delay(SLOW_SECONDS)
    time.sleep(SLOW_SECONDS)
    balancer.ending.set()
    assert end(function) < PLATFORM_SECONDS
    balancer.join()
    assert set(balancer.outcomes) == {"202"}, balancer.outcomes
    stored = database.value("SELECT count(*) FROM popup_views WHERE popup_id = :popup_id::uuid", popup_id=popup_id)
    assert stored == balancer.outcomes["202"]


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("name", ["track_view", "stats"])
def test_a_request_under_way_is_finished_and_nothing_new_is_taken(
    name: str, start_function: Start, slow_postgres: Proxy, database: Database
) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    function = start_function(name, DATABASE_URL=through(slow_postgres))
    connection = http.client.HTTPConnection("127.0.0.1", function.port, timeout=PLATFORM_SECONDS)
    # Its statements are prepared before Postgres is slow: a report has several.
    connection.request("GET", f"/popups/{popup_id}" if name == "stats" else "/_ready", headers=shop.reader)
    connection.getresponse().read()

    slow_postgres.delay(SLOW_SECONDS)
    said = slow_postgres.bytes_sent
    if name == "stats":
        connection.request("GET", f"/popups/{popup_id}?goal=click", headers=shop.reader)
    else:
        connection.request("POST", "/", view(popup_id), {"Content-Type": "application/json"})
    eventually(lambda: slow_postgres.bytes_sent > said)
    os.kill(function.pid, signal.SIGTERM)
    eventually(lambda: is_refused(function.port))
    assert connection.getresponse().status in (200, 202)
    function.process.wait(PLATFORM_SECONDS)


@pytest.mark.parametrize("name", ["get_active_popups", "stats"])
def test_an_idle_instance_ends_at_once_though_connections_are_open(name: str, start_function: Start) -> None:
    function = start_function(name)
    connection = http.client.HTTPConnection("127.0.0.1", function.port)
    connection.request("GET", "/_ready")
    connection.getresponse().read()
    assert end(function) < PLATFORM_SECONDS


def test_probes_touch_no_dependency(start_function: Start) -> None:
    """An outage of the database must not have the platform restart every instance."""
    nobody = "postgresql://popups:popups@127.0.0.1:1/popups"
    function = start_function("stats", DATABASE_URL=nobody, REDIS_URL="redis://127.0.0.1:1/0")
    assert function.healthy()
    assert "waited_seconds" not in function.logs()
