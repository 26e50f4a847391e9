"""The proxy tells the truth: its counts hold up other tests' claims."""

import contextlib
import socket
from collections.abc import Iterator

import pg8000.native
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import Stack


@pytest.fixture
def to_valkey(stack: Stack) -> Iterator[Proxy]:
    with proxy_to(stack.valkey.port) as proxy:
        yield proxy


def client_of(proxy: Proxy) -> redis.Redis:
    return redis.Redis(port=proxy.port, socket_timeout=0.3, retry=Retry(NoBackoff(), 0))


def test_a_pipeline_is_one_round_trip_and_commands_apart_are_one_each(to_valkey: Proxy) -> None:
    client = client_of(to_valkey)
    client.ping()
    to_valkey.reset()
    client.ping()
    client.ping()
    assert to_valkey.round_trips == 2
    with client.pipeline(transaction=False) as pipeline:
        for _ in range(3):
            pipeline.ping()
        pipeline.execute()
    assert to_valkey.round_trips == 3


def test_an_autocommitted_simple_statement_is_one_round_trip_to_postgres(stack: Stack) -> None:
    with proxy_to(stack.postgres.port) as proxy:
        connection = pg8000.native.Connection("popups", host="127.0.0.1", port=proxy.port, database="postgres")
        proxy.reset()
        connection.execute_simple("SELECT 1")
        assert proxy.round_trips == 1
        connection.close()


def test_a_refusing_proxy_refuses_until_it_is_healed(to_valkey: Proxy) -> None:
    client = client_of(to_valkey)
    client.ping()
    to_valkey.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", to_valkey.port))
    with pytest.raises(redis.ConnectionError):
        client.ping()
    to_valkey.heal()
    assert client_of(to_valkey).ping()


def test_a_black_hole_takes_the_question_and_never_answers(to_valkey: Proxy) -> None:
    client = client_of(to_valkey)
    client.ping()
    to_valkey.black_hole()
    with pytest.raises(redis.TimeoutError):
        client.ping()
    to_valkey.heal()
    assert client_of(to_valkey).ping()


def test_a_delay_longer_than_the_clients_patience_is_a_timeout(to_valkey: Proxy) -> None:
    client = client_of(to_valkey)
    client.ping()
    to_valkey.delay(1)
    with pytest.raises(redis.TimeoutError):
        client.ping()


def test_a_cut_ends_the_connections_there_are_and_welcomes_new_ones(to_valkey: Proxy) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", to_valkey.port), timeout=5)) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(16) == b"+PONG\r\n"
        to_valkey.cut()
        assert client.recv(16) == b""
    assert client_of(to_valkey).ping()
