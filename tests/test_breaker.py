"""The breaker: who may ask a server that does not answer, and how long its outage is remembered."""

import time
from math import inf

import pytest

from common.breaker import BLIP_SECONDS, FORGOTTEN_AFTER_SECONDS, PAUSE_SECONDS, Breaker


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def outage(breaker: Breaker, clock: Clock, seconds: float) -> None:
    breaker.record(success=False)
    clock.now += seconds
    breaker.record(success=True)


def test_while_open_one_caller_a_pause_may_try(clock: Clock) -> None:
    breaker = Breaker("A server")
    assert [breaker.admits() for _ in range(2)] == [True, True]
    breaker.record(success=False)
    for _ in range(3):
        assert not breaker.admits()
        clock.now += PAUSE_SECONDS
        assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.record(success=True)
    assert [breaker.admits() for _ in range(2)] == [True, True]


def test_a_server_that_always_answered_had_no_outage(clock: Clock) -> None:
    breaker = Breaker("A server")
    breaker.record(success=True)
    assert breaker.seconds_since_outage() == inf


def test_an_outage_is_remembered(clock: Clock) -> None:
    breaker = Breaker("A server")
    outage(breaker, clock, BLIP_SECONDS)
    clock.now += 100
    assert breaker.seconds_since_outage() == 100


def test_one_that_the_first_try_ended_is_soon_forgotten(clock: Clock) -> None:
    """Or one late answer would have an instance distrust, and load anew, all that it has cached."""
    breaker = Breaker("A server")
    outage(breaker, clock, PAUSE_SECONDS)
    clock.now += FORGOTTEN_AFTER_SECONDS
    assert breaker.seconds_since_outage() == FORGOTTEN_AFTER_SECONDS
    clock.now += 0.1
    assert breaker.seconds_since_outage() == inf
