"""Servers that we start get ports of their own."""

import socket

import pytest

from cli.dev import child
from cli.dev.child import StartError, free_port


def test_a_port_is_not_given_twice_in_a_row() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50


def test_a_port_that_somebody_listens_on_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = free_port()
    monkeypatch.setattr(child, "_PORTS", range(taken, taken + 1))
    assert free_port() == taken
    with socket.create_server(("127.0.0.1", taken)), pytest.raises(StartError, match=f"no free port from {taken}"):
        free_port()
