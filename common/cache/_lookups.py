"""Lookups from the event loop: those that wait at the same moment share a thread and a round trip.

An instance that has just started meets hundreds of shops in a second. Like a group commit (common/postgres): the first
lookup is sent at once, those that come meanwhile form the next batch, and there is no timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from common import redis
from common.cache import _changes, _loading
from common.cache._entry import Cached, Slot
from common.cache._redis import Lookup
from common.process import waits
from common.process.threads import in_brief_thread, start_in_brief_thread

# A batch's answers come over one connection: with the largest entries, 25 MB.
MAX_LOOKUPS_A_BATCH = 50

Found = Cached | Lookup
_Asked = tuple[waits.Waited, list[Found] | BaseException]


@dataclass(slots=True)
class _Waiting:
    slot: Slot
    found: asyncio.Future[Found]
    # Its request's waits, to which the batch adds its own.
    waited: waits.Waited


class _Lookups:
    """The lookups of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: deque[_Waiting] = deque()
        self._is_asking = False

    async def look_up(self, slot: Slot) -> Found:
        waiting = _Waiting(slot, self.loop.create_future(), waits.current())
        self._waiting.append(waiting)
        # Not at once, so that further lookups in this turn of the loop join the batch.
        self.loop.call_soon(self._start)
        return await waiting.found

    def _start(self) -> None:
        if self._waiting and not self._is_asking:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_LOOKUPS_A_BATCH))]
            self._is_asking = True
            start_in_brief_thread(partial(_ask, [waiting.slot for waiting in batch]), partial(self._end, batch))

    def _end(self, batch: list[_Waiting], asked: _Asked) -> None:
        self._is_asking = False
        waited, found = asked
        for place, waiting in enumerate(batch):
            if waiting.found.done():
                continue  # the request was cancelled
            waits.add(waiting.waited, waited)
            if isinstance(found, BaseException):
                waiting.found.set_exception(found)
            else:
                waiting.found.set_result(found[place])
        self._start()


_lookups: _Lookups | None = None


async def look_up(slot: Slot) -> Found:
    """Return the answer if it is unchanged or in Redis; otherwise the Lookup that says whether to load it."""
    global _lookups
    # A request that will not be let through to Redis must not wait for the one that probes it.
    if not redis.admits(slot.key):
        (found,) = await in_brief_thread(_look_up_each, [slot])
        return found
    loop = asyncio.get_running_loop()
    if _lookups is None or _lookups.loop is not loop:
        _lookups = _Lookups(loop)
    return await _lookups.look_up(slot)


def _ask(slots: list[Slot]) -> _Asked:
    waited = waits.start()
    try:
        return waited, _look_up_each(slots)
    except BaseException as error:
        return waited, error


def _look_up_each(slots: Sequence[Slot]) -> list[Found]:
    _changes.catch_up()
    unchanged = {slot: _loading.find_unchanged(slot) for slot in slots}
    asked = [slot for slot, cached in unchanged.items() if cached is None]
    found = dict(zip(asked, _loading.look_up_each(asked), strict=True))
    return [unchanged[slot] or found[slot] for slot in slots]
