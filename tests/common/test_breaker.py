"""The breaker: who may ask a server that does not answer, and how long its outage is remembered."""

import json
from math import inf

import pytest

from common.process.breaker import BLIP_SECONDS, FORGOTTEN_AFTER_SECONDS, PAUSE_SECONDS, Breaker
from tests.support.clock import Clock


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


def test_an_outage_that_lasts_has_not_ended_also_for_the_probe_that_will_end_it(clock: Clock) -> None:
    """Or that one would trust what was changed meanwhile, where nobody could be told."""
    breaker = Breaker("A server")
    for _ in range(2):
        breaker.record(success=False)
        clock.now += 100
        assert breaker.admits()
        assert breaker.seconds_since_outage() == 0
        outage(breaker, clock, PAUSE_SECONDS)
        clock.now += 100


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


def test_an_outage_lasts_from_its_first_failure_to_the_first_answer(clock: Clock) -> None:
    """Not from the last failed try, or every outage would end as a blip."""
    breaker = Breaker("A server")
    breaker.record(success=False)
    clock.now += PAUSE_SECONDS
    outage(breaker, clock, PAUSE_SECONDS)
    clock.now += 100
    assert breaker.seconds_since_outage() == 100


def test_who_only_asks_whether_he_might_try_takes_nobodys_turn(clock: Clock) -> None:
    breaker = Breaker("A server")
    assert breaker.would_admit()
    breaker.record(success=False)
    clock.now += PAUSE_SECONDS - 0.01
    assert not breaker.would_admit()
    for _ in range(2):
        clock.now += 0.01
        assert [breaker.would_admit() for _ in range(3)] == [True] * 3
    assert breaker.admits()
    assert not breaker.would_admit()


def test_a_lost_connection_is_an_outage_until_the_probe_that_may_follow_at_once(clock: Clock) -> None:
    breaker = Breaker("A server")
    breaker.suspect()
    assert breaker.seconds_since_outage() == 0
    assert [breaker.admits() for _ in range(2)] == [True, False]
    breaker.record(success=True)
    assert breaker.closed


def test_a_connection_lost_in_an_outage_allows_no_probe_before_its_time(clock: Clock) -> None:
    breaker = Breaker("A server")
    breaker.record(success=False)
    breaker.suspect()
    assert not breaker.admits()


def test_a_failed_server_is_tried_every_second_and_a_blip_is_distrusted_for_three() -> None:
    assert (PAUSE_SECONDS, BLIP_SECONDS, FORGOTTEN_AFTER_SECONDS) == (1.0, 1.5, 3.0)


def test_an_outage_is_logged_when_it_begins_and_when_it_ends_and_not_meanwhile(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    breaker = Breaker("A server")
    for success in (True, False, False, True, True):
        breaker.record(success=success)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"severity": "WARNING", "message": "A server does not answer"},
        {"severity": "INFO", "message": "A server answers again"},
    ]
