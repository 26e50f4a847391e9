"""Under which id an event is kept: its own where that tells about now, else one of now, and its own beside it.

Event tables are divided by the month of the id. An id of now lands where today's events are, in a partition that is
there. Any other (of another version, or of a clock that is wrong) would land in the DEFAULT partition, or in a month
that is to be dropped; it is *foreign*: the table foreign_event_ids says which event it names.
"""

from __future__ import annotations

import time
import uuid

from common.ids import new_id

DAY_SECONDS = 86_400
# As long as a browser keeps what it could not send. `popups retain` drops no month that such an id may still name.
MAX_AGE_SECONDS = 7 * DAY_SECONDS
# A clock that was set to another time zone. `popups retain` makes months ahead.
MAX_LEAD_SECONDS = DAY_SECONDS
# Near both ends an id is entered as foreign and kept as it is: it meets those that another instance, whose clock or
# whose moment is a little off, has taken for one and for the other. Far more than that can be.
DOUBT_SECONDS = 3600


def kept_and_foreign(sent: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID | None]:
    """The id of the event's row, and the id as it was sent where that is to be entered as foreign."""
    if _is_of_now(sent, 0):
        return sent, None
    if _is_of_now(sent, DOUBT_SECONDS):
        return sent, sent
    return new_id(), sent


def _is_of_now(event_id: uuid.UUID, doubt_seconds: float) -> bool:
    age = time.time() - (event_id.int >> 80) / 1000
    return event_id.version == 7 and -MAX_LEAD_SECONDS - doubt_seconds <= age <= MAX_AGE_SECONDS + doubt_seconds
