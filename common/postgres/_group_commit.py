"""Group commit: what arrives while a batch is being written goes out as the next batch, and one commit answers all.

There is no timer and no thread of its own: the first submission starts a flush at once, the end of a flush starts the
next, and nothing runs when nothing waits. Nobody is answered before the commit that holds his events.
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

# Beyond this a statement gains nothing in events a second, and its last event waits for all others.
MAX_EVENTS_A_FLUSH = 500
# Two, so that one batch is being sent while Postgres commits the other.
MAX_FLUSHES = 2
# A lone event is committed later beside the flush under way than after it: the two would compete for one core, and for
# the tally if they are of one popup. At 500 events a second it is a tenth of the p99 (python -m benchmarks steady).
MIN_EVENTS_BESIDE = 2
# About a second of work and 10 MB; whoever comes later is better served by another instance.
MAX_EVENTS_WAITING = 10_000


@dataclass(slots=True)
class _Submission(Generic[Event, Answer]):
    events: list[Event]
    answers: asyncio.Future[list[Answer]]
    # What its request has waited for, to which the flush adds what itself did.
    waited: waits.Waited


# What a flush waited for, and its answers to each submission or the error of that one; or an error of all.
_Outcomes = list[list[Answer] | BaseException] | BaseException
_Flushed = tuple[waits.Waited, _Outcomes[Answer]]


class GroupCommit(Generic[Event, Answer]):
    """Batches of events for `write`, which returns one answer for each event once all are committed.

    `write` runs in a thread. Lives on one event loop.
    """

    def __init__(self, write: Callable[[list[Event]], list[Answer]]) -> None:
        self._write = write
        self._waiting: deque[_Submission[Event, Answer]] = deque()
        self._events_waiting = 0
        self._events_flushing = 0
        self._flushes = 0

    async def submit(self, events: list[Event]) -> list[Answer]:
        """The answers to the events, once they are committed; a submission is written in one piece.

        Raises DatabaseUnavailable when too many wait already, or what `write` raised; then sending again is safe,
        because events have ids.
        """
        if self._events_waiting + len(events) > MAX_EVENTS_WAITING:
            raise DatabaseUnavailable()
        answers: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        submission = _Submission[Event, Answer](events, answers, waits.current())
        self._waiting.append(submission)
        self._events_waiting += len(events)
        # Not at once: what else this turn of the loop brings shall come along.
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
        """A second one once as many wait as are being written, but never for one event alone.

        Fewer do better to share the next commit.
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
        everybody = list(self._waiting)
        self._waiting.clear()
        self._events_waiting = 0
        return everybody

    def _flush(self, batch: list[_Submission[Event, Answer]]) -> _Flushed[Answer]:
        """In a thread. It works for many requests, and none shall log its queries as its own."""
        waited = waits.start()
        try:
            return waited, self._write_isolated(batch)
        except BaseException as error:
            return waited, error

    def _end_flush(self, batch: list[_Submission[Event, Answer]], flushed: _Flushed[Answer]) -> None:
        self._flushes -= 1
        waited, outcomes = flushed
        if isinstance(outcomes, DatabaseUnavailable):
            # Who waits would only wait as long again for the same answer.
            batch = [*batch, *self._take_all()]
        if isinstance(outcomes, BaseException):
            outcomes = [outcomes] * len(batch)
        for submission, outcome in zip(batch, outcomes, strict=True):
            if submission.answers.done():
                continue  # its request was cancelled
            waits.add(submission.waited, waited)
            if isinstance(outcome, BaseException):
                submission.answers.set_exception(outcome)
            else:
                submission.answers.set_result(outcome)
        # After those who are woken now: the thread of the next flush would compete with them for the interpreter.
        asyncio.get_running_loop().call_soon(self._start_flush)

    def _write_isolated(self, batch: list[_Submission[Event, Answer]]) -> list[list[Answer] | BaseException]:
        """The answers to each submission, or the error it alone caused: a batch that fails is halved until it is found.

        Halving does not help against an unreachable database: that error is everybody's.
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
