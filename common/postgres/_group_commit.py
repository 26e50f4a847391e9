"""Group commit: events that arrive while a batch is being written form the next batch, with one commit for all.

There is no timer and no dedicated thread: the first submission starts a flush at once, the end of a flush starts the
next, and nothing runs when nothing waits. A submission is answered only after the commit of its events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from common.errors import DatabaseOutdated, DatabaseUnavailable
from common.postgres._errors import LostRace
from common.process import waits
from common.process.threads import start_in_thread

Event = TypeVar("Event")
Answer = TypeVar("Answer")

# A larger statement gains nothing in events per second, and its last event waits for all others.
MAX_EVENTS_A_FLUSH = 500
# Two, so that one batch is being sent while Postgres commits the other.
MAX_FLUSHES = 2
# A single event commits sooner if it waits for the running flush than if it starts a second one: the two would compete
# for one core, and for the tally of the same popup. At 500 events per second that is a tenth of the p99
# (python -m benchmarks steady).
MIN_EVENTS_BESIDE = 2
# About a second of work and 10 MB; beyond that, another instance serves the request sooner.
MAX_EVENTS_WAITING = 10_000


@dataclass(slots=True)
class _Submission(Generic[Event, Answer]):
    events: list[Event]
    answers: asyncio.Future[list[Answer]]
    # Its request's waits, to which the flush adds its own.
    waited: waits.Waited


# Per submission its answers or its error; or one error for all.
_Outcomes = list[list[Answer] | BaseException] | BaseException
_Flushed = tuple[waits.Waited, _Outcomes[Answer]]


class GroupCommit(Generic[Event, Answer]):
    """Collects events into batches for `write`, which commits them and returns one answer per event.

    `write` runs in a thread. An instance belongs to one event loop.
    """

    def __init__(self, write: Callable[[list[Event]], list[Answer]]) -> None:
        self._write = write
        self._waiting: deque[_Submission[Event, Answer]] = deque()
        self._events_waiting = 0
        self._events_flushing = 0
        self._flushes = 0

    async def submit(self, events: list[Event]) -> list[Answer]:
        """Return the answers to the events, once they are committed; a submission is never split.

        Raises DatabaseUnavailable if too many events wait already, or the error of `write`; a retry is safe, because
        events have ids.
        """
        if self._events_waiting + len(events) > MAX_EVENTS_WAITING:
            raise DatabaseUnavailable()
        answers: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        submission = _Submission[Event, Answer](events, answers, waits.current())
        self._waiting.append(submission)
        self._events_waiting += len(events)
        # Not at once, so that further submissions in this turn of the loop join the batch.
        asyncio.get_running_loop().call_soon(self._start_flush)
        with waits.waiting_for("commit"):
            return await answers

    def _start_flush(self) -> None:
        if self._waiting and self._flushes < self._flushes_worth_having():
            batch = self._take_batch()
            self._events_flushing = sum(len(submission.events) for submission in batch)
            self._flushes += 1
            start_in_thread(partial(self._flush, batch), partial(self._end_flush, batch))

    def _flushes_worth_having(self) -> int:
        """Return 2 once as many events wait as are being written, and more than one; else 1.

        Fewer events commit sooner by sharing the next commit.
        """
        enough = max(MIN_EVENTS_BESIDE, self._events_flushing)
        return MAX_FLUSHES if self._events_waiting >= enough else 1

    def _take_batch(self) -> list[_Submission[Event, Answer]]:
        batch: list[_Submission[Event, Answer]] = []
        size = 0
        while self._waiting and size + len(self._waiting[0].events) <= MAX_EVENTS_A_FLUSH:
            batch.append(self._waiting.popleft())
            size += len(batch[-1].events)
        self._events_waiting -= size
        return batch

    def _take_all(self) -> list[_Submission[Event, Answer]]:
        waiting = list(self._waiting)
        self._waiting.clear()
        self._events_waiting = 0
        return waiting

    def _flush(self, batch: list[_Submission[Event, Answer]]) -> _Flushed[Answer]:
        """Write a batch in a thread. It serves many requests, so no single request logs its queries."""
        waited = waits.start()
        try:
            return waited, self._write_isolated(batch)
        except BaseException as error:
            return waited, error

    def _end_flush(self, batch: list[_Submission[Event, Answer]], flushed: _Flushed[Answer]) -> None:
        self._flushes -= 1
        waited, outcomes = flushed
        if isinstance(outcomes, DatabaseUnavailable):
            # The waiting submissions would only wait as long again for the same error.
            batch = [*batch, *self._take_all()]
        if isinstance(outcomes, BaseException):
            outcomes = [outcomes] * len(batch)
        for submission, outcome in zip(batch, outcomes, strict=True):
            if submission.answers.done():
                continue  # the request was cancelled
            waits.add(submission.waited, waited)
            if isinstance(outcome, BaseException):
                submission.answers.set_exception(outcome)
            else:
                submission.answers.set_result(outcome)
        # After the callers that are woken now, with which the next flush's thread would compete for the interpreter.
        asyncio.get_running_loop().call_soon(self._start_flush)

    def _write_isolated(self, batch: list[_Submission[Event, Answer]]) -> list[list[Answer] | BaseException]:
        """Return per submission its answers, or the error it caused: a failing batch is halved until it is found.

        An unreachable database is not halved: every submission gets that error.
        """
        events = [event for submission in batch for event in submission.events]
        try:
            answers = self._write(events)
            if len(answers) != len(events):
                raise RuntimeError(f"{len(answers)} answers for {len(events)} events")
        except Exception as error:
            if isinstance(error, DatabaseUnavailable) and not isinstance(error, LostRace | DatabaseOutdated):
                raise
            if len(batch) == 1:
                return [error]
            middle = len(batch) // 2
            return self._write_isolated(batch[:middle]) + self._write_isolated(batch[middle:])
        in_order = iter(answers)
        return [[next(in_order) for _ in submission.events] for submission in batch]
