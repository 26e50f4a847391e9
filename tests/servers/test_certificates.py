"""TLS to Postgres and Redis is verified against certificates of one's own, by real handshakes."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.config import load
from common.postgres.connect import connect
from tests.support.client import Client
from tests.support.factories import Shop
from tests.support.redis_kinds import make_certificates, running_behind_tls, tls_proxy_to
from tests.support.stack import FunctionProcess, Stack, temporary_folder

Start = Callable[..., FunctionProcess]


@dataclass(frozen=True)
class SecurePostgres:
    """A Postgres that speaks TLS: its URL by a host, its authority's certificate, and one of a stranger."""

    url: str
    authority: Path
    stranger: Path

    def by(self, host: str, query: str = "") -> str:
        return self.url.replace("127.0.0.1", host) + query


@pytest.fixture(scope="module")
def postgres(stack: Stack) -> Iterator[SecurePostgres]:
    """Yield the stack's Postgres, built without TLS, behind a proxy that answers SSLRequest as a server does."""
    with temporary_folder() as folder, temporary_folder() as elsewhere:
        authority, certificate = make_certificates(folder)
        stranger, _ = make_certificates(elsewhere)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        with tls_proxy_to(stack.postgres.port, context) as inner, _ssl_requests_to(inner) as port:
            url = stack.url_of_function("track_view").replace(f":{stack.postgres.port}/", f":{port}/")
            yield SecurePostgres(url, authority, stranger)


@contextlib.contextmanager
def _ssl_requests_to(target_port: int) -> Iterator[int]:
    """Yield the port of a proxy that says yes to SSLRequest (8 bytes) and passes on what follows, which is TLS."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", target_port)) as inside:
            assert client.recv(8, socket.MSG_WAITALL) == b"\0\0\0\x08\x04\xd2\x16\x2f"
            client.sendall(b"S")
            threading.Thread(target=_pump, args=[inside, client], daemon=True).start()
            _pump(client, inside)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_RDWR)


# The server's certificate is for 127.0.0.1, and localhost leads there too.
DATABASES = {
    "its authority": ("authority", "127.0.0.1", "", "ok"),
    "a stranger's": ("stranger", "127.0.0.1", "", "down"),
    "another name": ("authority", "localhost", "", "down"),
    "another name, which does not matter": ("authority", "localhost", "?sslmode=verify-ca", "ok"),
    "a stranger's, whatever the name": ("stranger", "localhost", "?sslmode=verify-ca", "down"),
    "not to be verified": ("stranger", "127.0.0.1", "?sslmode=require", "ok"),
}


@pytest.mark.parametrize(("signed_by", "host", "query", "state"), DATABASES.values(), ids=DATABASES)
def test_postgres_is_verified_against_the_file(
    start_function: Start, postgres: SecurePostgres, signed_by: str, host: str, query: str, state: str
) -> None:
    ca_file = str(getattr(postgres, signed_by))
    function = start_function("track_view", DATABASE_URL=postgres.by(host, query), DATABASE_CA_FILE=ca_file)
    assert function.state_of("database") == state


def test_the_urls_own_certificates_come_first(start_function: Start, postgres: SecurePostgres) -> None:
    url = postgres.by("127.0.0.1", f"?sslmode=verify-full&sslrootcert={postgres.authority}")
    function = start_function("track_view", DATABASE_URL=url, DATABASE_CA_FILE=str(postgres.stranger))
    assert function.state_of("database") == "ok"


@pytest.mark.parametrize("is_known", [True, False], ids=["its authority", "a stranger's"])
def test_redis_is_verified_against_the_file(start_function: Start, shop: Shop, is_known: bool) -> None:
    with temporary_folder() as folder, temporary_folder() as elsewhere, running_behind_tls(folder) as url:
        stranger, _ = make_certificates(elsewhere)
        ca_file = folder / "authority.pem" if is_known else stranger
        function = start_function(
            "get_active_popups", REDIS_URL=url.partition("&ssl_ca_certs")[0], REDIS_CA_FILE=str(ca_file)
        )
        assert function.state_of("cache") == ("ok" if is_known else "down")
        assert Client(function).get(f"/?shop_id={shop.id}").status_code == 200


def test_a_connection_that_verifies_nothing_does_not_read_the_systems_certificates(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That would take 20 ms of each connection, during which the process answers nobody."""
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: pytest.fail("they were read"))
    connect(load({"DATABASE_URL": stack.database_url})).close()
