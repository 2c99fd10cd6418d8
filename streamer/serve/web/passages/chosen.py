"""What a request chooses of all passages: the same names in addresses of the page and of the interface for programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Literal, get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends, Query, Request

from streamer.errors import ConfigError
from streamer.serve.web.needs import UserDep
from streamer.store.search import How
from streamer.store.selection import Selection
from streamer.store.times import micros

HOWS: tuple[How, ...] = get_args(How)
SURE = {"95": (0.95, None), "80": (0.8, None), "-95": (None, 0.95), "-80": (None, 0.8)}
MOVEMENTS = ("approaching", "leaving", "crossing", "still")
Sure = Literal["", "95", "80", "-95", "-80"]
_NAMES = (
    "plate", "how", "camera", "since", "until", "tz", "zone", "movement", "list", "sure", "flagged", "corrected",
    "view",
)  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """`selection`; `given`: what the address says, as it says it; `fault`: what is wrong with it, for people."""

    selection: Selection
    given: dict[str, str]
    fault: str = ""

    @property
    def is_narrowed(self) -> bool:
        return any(value and key not in ("tz", "view", "how") for key, value in self.given.items())

    @property
    def more(self) -> int:
        """How many filters are set beside text and camera."""
        shown = ("tz", "view", "plate", "how", "camera")
        return sum(bool(value) and key not in shown for key, value in self.given.items())

    def query(self, **others: str | None) -> str:
        """The address's query with some values changed (None: left out)."""
        values = {k: v for k, v in (self.given | others).items() if v}
        return urlencode(values)


def chosen_of(
    request: Request,
    user: UserDep,
    plate: str = Query("", max_length=64, description="a plate: `*` any characters, `?` any one"),
    how: How = "pattern",
    camera: str = Query("", max_length=200),
    since: str = Query("", max_length=40, description="first seen then or later: ISO 8601"),
    until: str = Query("", max_length=40, description="first seen before"),
    tz: str = Query("", max_length=64, description="zone of times without an offset, like Europe/Vienna"),
    zone: str = Query("", max_length=200),
    movement: Literal["", "approaching", "leaving", "crossing", "still"] = "",
    list: str = Query("", max_length=200, description="a list of plates that reported it, `*` any"),
    sure: Annotated[Sure, Query(description="95: confidence of 95 % or more; -95: 95 % or less")] = "",
    flagged: bool = Query(False, description="with a reason to doubt it"),
    corrected: bool = Query(False, description="put right or confirmed by hand"),
) -> Chosen:
    """The parameters of a request, limited to what the user may see."""
    least, most = SURE.get(sure, (None, None))
    given = {key: request.query_params.get(key, "") for key in _NAMES}
    faults = []
    times: dict[str, int | None] = {"since": None, "until": None}
    for key, text in (("since", since), ("until", until)):
        try:
            times[key] = _time(text, tz)
        except ConfigError as error:
            faults.append(f"{key}: {error}")
    selection = Selection(
        text=plate.strip(), how=how, camera=camera or None, cameras=user.cameras, since=times["since"],
        until=times["until"], zone=zone or None, movement=movement or None, watchlist=list or None, least=least,
        most=most, flagged=flagged, corrected=corrected,
    )  # fmt: skip
    try:
        if selection.text:
            selection.pattern()
    except ConfigError as error:
        faults.append(str(error))
    return Chosen(selection, given, "; ".join(faults))


ChosenDep = Annotated[Chosen, Depends(chosen_of)]


def _time(text: str, zone: str) -> int | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=_zone(zone))
        return micros(found)
    except (ValueError, OverflowError):
        raise ConfigError(f"{text!r} is no time: expected one like 2026-01-31T08:00") from None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
