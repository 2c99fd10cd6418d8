"""Times on the command line: of a day, a moment, or so long ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import click

_AGO = re.compile(r"(\d+)(min|h|d|w)")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class When(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """As microseconds since 1970. A time without offset is this machine's."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            found = _AGO.fullmatch(value.strip())
            when = _before(found) if found else datetime.fromisoformat(value.strip()).astimezone()
            return int(when.timestamp()) * 1_000_000 + when.microsecond
        except (ValueError, OverflowError):
            self.fail(f"{value!r}: expected a time like 2026-01-31, 2026-01-31T08:00+01:00, or 90min, 12h, 7d ago")


def _before(found: re.Match[str]) -> datetime:
    return datetime.now().astimezone() - int(found.group(1)) * _UNITS[found.group(2)]
