"""The id under which an event is stored: its own if its time is about now, else a new one, mapped to its own.

Event tables are partitioned by the month of the id. An id of about now lands in an existing partition, with today's
events. Any other (of another version, or by a wrong clock) would land in the DEFAULT partition, or in a month that is
about to be dropped; it is *foreign*: the table foreign_event_ids maps it to the stored event.
"""

from __future__ import annotations

import time

from common.ids import new_id

DAY_SECONDS = 86_400
# As long as a browser keeps unsent events. `popups retain` drops no month that such an id may still refer to.
MAX_AGE_SECONDS = 7 * DAY_SECONDS
# A clock set to another time zone. `popups retain` creates months ahead.
MAX_LEAD_SECONDS = DAY_SECONDS
# Near both ends an id is both entered as foreign and stored as it is, because another instance, at a slightly different
# time or with another clock, may have treated it either way. Far more than clocks can differ.
DOUBT_SECONDS = 3600
# Where a UUID's text has its version and its variant, and the variants of those that have a version (RFC 9562).
VERSION, VARIANT, VARIANTS = 14, 19, "89ab"


def kept_and_foreign(sent: str) -> tuple[str, str | None]:
    """Return the id of the event's row, and the sent id if that must be entered as foreign, else None.

    Ids are UUIDs as canonical text.
    """
    if _is_of_now(sent, 0):
        return sent, None
    if _is_of_now(sent, DOUBT_SECONDS):
        return sent, sent
    return str(new_id()), sent


def _is_of_now(event_id: str, doubt_seconds: float) -> bool:
    if event_id[VERSION] != "7" or event_id[VARIANT] not in VARIANTS:
        return False
    age = time.time() - int(event_id[:8] + event_id[9:13], 16) / 1000
    return -MAX_LEAD_SECONDS - doubt_seconds <= age <= MAX_AGE_SECONDS + doubt_seconds
