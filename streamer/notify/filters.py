"""Which messages a target gets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from streamer.config.notify import FilterConfig, NotifyOutput, ScheduleConfig
from streamer.notify.message import Message

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _now() -> datetime:
    return datetime.now().astimezone()


class Filter:
    """Whether a target gets a message, by what it is sent (`send`) and its `filter`."""

    def __init__(self, output: NotifyOutput, clock: Callable[[], datetime] = _now) -> None:
        self._send, self._filter, self._clock = frozenset(output.send), output.filter, clock

    def passes(self, message: Message) -> bool:
        config = self._filter
        if config.cameras and message.camera not in config.cameras:
            return False
        if message.kind not in ("passage", "hit"):
            return True
        body = message.body
        if message.kind == "hit":
            if "hits" not in self._send or (config.lists and body["hit"]["list"] not in config.lists):
                return False
            if body["revision"] != "1" and "provisional" not in self._send:
                return False  # once for each vehicle and list
        elif ("final" if body["status"] == "final" else "provisional") not in self._send:
            return False
        if config.zones and body.get("zone") not in config.zones:
            return False
        # Who was told of a plate is told of its end, whatever it is.
        if body["status"] != "withdrawn" and float(body["confidence"]) < config.min_confidence:
            return False
        return not config.schedule or self._in_hours(config, body.get("first_seen"))

    def _in_hours(self, config: FilterConfig, seen: str | None) -> bool:
        when = datetime.fromisoformat(seen) if seen else self._clock()
        when = when.astimezone(None if config.time_zone is None else ZoneInfo(config.time_zone))
        return any(covers(one, when) for one in config.schedule)


def covers(schedule: ScheduleConfig, when: datetime) -> bool:
    """Whether the hours have begun and not ended; those over midnight belong to the day on which they begin."""
    minute, start, end = when.hour * 60 + when.minute, _minutes(schedule.start), _minutes(schedule.end)
    if start < end:
        return start <= minute < end and _on(schedule, when)
    return (minute >= start and _on(schedule, when)) or (minute < end and _on(schedule, when - timedelta(days=1)))


def _on(schedule: ScheduleConfig, when: datetime) -> bool:
    return not schedule.days or _DAYS[when.weekday()] in schedule.days


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
