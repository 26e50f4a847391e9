"""HTTP by hand, for clients who are slow, break off, or speak something else."""

import contextlib
import json
import socket
from typing import Any

from tests.support.stack import FunctionProcess

PATIENCE_SECONDS = 20


def connect(port: int, *, receive_bytes: int | None = None) -> socket.socket:
    """Connect to the port; `receive_bytes` bounds what the socket takes before it is read."""
    client = socket.socket()
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(PATIENCE_SECONDS)
    client.connect(("127.0.0.1", port))
    return client


def connected(function: FunctionProcess, *, receive_bytes: int | None = None) -> socket.socket:
    return connect(function.port, receive_bytes=receive_bytes)


def head(method: str, path: str, headers: dict[str, Any]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: popups", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def answer_to(client: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and the JSON of the next answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(client)
    top, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = top.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += receive(client)
    return int(status_line.split()[1]), headers, json.loads(body)


def receive(client: socket.socket) -> bytes:
    received = client.recv(65536)
    assert received, "the connection was closed"
    return received


def ends(client: socket.socket) -> bool:
    """Whether the server closes the connection, whatever it says before."""
    with contextlib.suppress(ConnectionError):
        while client.recv(65536):
            pass
    return True
