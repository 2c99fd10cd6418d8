"""Times of the store: microseconds since 1970 in UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def now() -> int:
    """This moment by the machine's clock."""
    return time.time_ns() // 1000


def micros(when: datetime) -> int:
    """An aware time, exactly (a float of seconds would round it)."""
    return (when - _EPOCH) // _MICRO


def offset_s(when: datetime) -> int:
    """How far its clock is from UTC, in seconds."""
    offset = when.utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def moment(at: int, offset: int = 0) -> datetime:
    """The time of a column, by a clock at that offset (s) from UTC."""
    zone = timezone(timedelta(seconds=offset)) if offset else UTC
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)
