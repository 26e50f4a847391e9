"""No client is waited for without end: the times and sizes after which a connection is over."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from common.web import protocol
from common.web.incoming import Incoming, IncompleteBody, Receive, Scope, Send, joined_headers
from common.web.protocol import SERVER_OPTIONS
from tests.support.raw_http import answer_to, connect, ends, head

ANSWER_BYTES = 50_000_000


class Served:
    """An application that says how its body ended; below /large it answers with more than any buffer holds."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(self, log_level="error", **SERVER_OPTIONS))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.listener]})

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b"{}"
        if scope["path"] == "/large":
            body = b" " * ANSWER_BYTES
        else:
            try:
                await Incoming(scope, receive, joined_headers(scope["headers"])).read(1000)
            except IncompleteBody:
                body = b'"incomplete"'
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """With little patience."""
    monkeypatch.setattr(protocol, "_SECONDS", {"head": 0.5, "body": 0.5})
    monkeypatch.setattr(protocol, "READER_SECONDS", 0.5)
    server = Served()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(served: Served) -> Iterator[socket.socket]:
    with connect(served.port) as connected:
        yield connected


def drip(client: socket.socket, byte: bytes) -> None:
    """Send the byte again and again until the server has closed the connection."""
    try:
        for _ in range(200):
            client.sendall(byte)
            time.sleep(0.05)
    except OSError:
        return
    pytest.fail("it was taken for ten seconds")


def test_a_connection_on_which_nothing_comes_is_closed(client: socket.socket) -> None:
    assert ends(client)


@pytest.mark.parametrize("byte", [b"\r\n", b"x"], ids=["empty lines", "a header"])
def test_a_head_that_comes_byte_by_byte_is_given_up(client: socket.socket, byte: bytes) -> None:
    client.sendall(b"" if byte == b"\r\n" else b"GET / HTTP/1.1\r\nX: ")
    drip(client, byte)


def test_a_head_on_a_used_connection_is_given_up_too(client: socket.socket) -> None:
    client.sendall(head("GET", "/", {}))
    assert answer_to(client)[0] == 200
    client.sendall(b"GET / HT")
    assert ends(client)


def test_a_body_that_stops_is_incomplete_and_its_client_hears_so(client: socket.socket) -> None:
    client.sendall(head("POST", "/", {"Content-Length": 100}) + b"{")
    status, headers, answer = answer_to(client)
    assert (status, answer, headers["connection"]) == (200, "incomplete", "close")
    assert ends(client)


def test_a_body_that_comes_byte_by_byte_is_incomplete_when_its_time_is_up(client: socket.socket) -> None:
    client.sendall(head("POST", "/", {"Content-Length": 100_000}))
    drip(client, b" ")


def test_time_spent_on_one_request_is_not_taken_from_the_next(client: socket.socket) -> None:
    for _ in range(4):
        client.sendall(head("POST", "/", {"Content-Length": 2}))
        time.sleep(0.2)
        client.sendall(b"{}")
        assert answer_to(client)[2] == {}


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, b"G" * 100_000, b"\r\n" * 50_000])
def test_a_head_of_more_than_64_kib_is_refused(client: socket.socket, sent: bytes) -> None:
    client.sendall(sent)
    status, headers, problem = answer_to(client)
    assert (status, headers["content-type"]) in ((431, "application/problem+json"), (400, "application/problem+json"))
    assert problem["request_id"] == headers["x-request-id"]


def test_who_has_said_all_and_only_listens_hears_the_answer(client: socket.socket) -> None:
    client.sendall(head("POST", "/", {"Content-Length": 2}) + b"{}")
    client.shutdown(socket.SHUT_WR)
    assert answer_to(client)[2] == {}
    assert ends(client)


def test_who_ends_before_his_body_does_hears_that_it_is_incomplete(client: socket.socket) -> None:
    client.sendall(head("POST", "/", {"Content-Length": 2}) + b"{")
    client.shutdown(socket.SHUT_WR)
    assert answer_to(client)[2] == "incomplete"


def read_all(client: socket.socket) -> int:
    """How many bytes there are before the end of the connection, whichever way that comes."""
    size = 0
    with contextlib.suppress(ConnectionError):
        while received := client.recv(1_000_000):
            size += len(received)
    return size


def test_who_does_not_read_is_cut_off(served: Served) -> None:
    with connect(served.port, receive_bytes=4096) as client:
        client.sendall(head("GET", "/large", {"Connection": "close"}))
        time.sleep(4 * protocol.READER_SECONDS)
        assert read_all(client) < ANSWER_BYTES


def test_who_reads_slowly_but_steadily_has_it_all(served: Served) -> None:
    with connect(served.port) as client:
        client.sendall(head("GET", "/large", {"Connection": "close"}))
        size = 0
        for _ in range(20):  # for longer than a reader may take nothing
            size += len(client.recv(1_000_000, socket.MSG_WAITALL))
            time.sleep(protocol.READER_SECONDS / 5)
        assert size + read_all(client) > ANSWER_BYTES
