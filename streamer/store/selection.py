"""Which passages are looked at: filters by text, camera, time, zone, direction, list and confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from streamer.errors import ConfigError
from streamer.store.schema import cameras, corrections, hits, passages
from streamer.store.search import How, Query, wanted

SHOWN = ("final", "provisional", "waiting")
ANY_LIST = "*"
_FEW_HITS = 20_000  # rows of `hits`: up to so many a list's passages are taken from there


@dataclass(frozen=True)
class Conditions:
    """Of `passages`. `served`: by the indexes of times; `named`: that name few passages themselves; `others`: looked at
    row by row."""

    served: list[ColumnElement[bool]]
    named: list[ColumnElement[bool]]
    others: list[ColumnElement[bool]]
    cameras: int = 0  # how many of `served` are about a camera: the first ones

    @property
    def all(self) -> list[ColumnElement[bool]]:
        return [*self.named, *self.served, *self.others]

    @property
    def times(self) -> list[ColumnElement[bool]]:
        """Those of `served` that are about times alone."""
        return self.served[self.cameras :]


@dataclass(frozen=True)
class Selection:
    """None, and an empty text: whatever. `cameras`: the only ones that may be seen; `since`, `until` in microseconds,
    `until` not in it; `movement`: as in rows; `watchlist`: a list that reported it, `*` for any; `flagged`: with a
    reason to doubt it; `corrected`: put right or confirmed by hand."""

    text: str = ""
    how: How = "pattern"
    camera: str | None = None
    cameras: frozenset[str] | None = None
    since: int | None = None
    until: int | None = None
    zone: str | None = None
    movement: str | None = None
    watchlist: str | None = None
    least: float | None = None
    most: float | None = None
    flagged: bool = False
    corrected: bool = False

    @property
    def is_ranked(self) -> bool:
        """Whether the best come first, not the newest: then there is one page."""
        return bool(self.text) and self.how in ("edits", "likely")

    def pattern(self) -> str:
        """The text as plates are stored; ConfigError where it makes no sense."""
        return wanted(Query(self.text, self.how))

    def told(self) -> dict[str, Any]:
        """What is set, for the audit log."""
        out: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default and field.name != "cameras":
                out[field.name] = value
        return out

    def conditions(self, connection: Connection) -> Conditions | None:
        """All but the text; None where nothing can fit."""
        served: list[ColumnElement[bool]] = []
        several: ColumnElement[bool] | None = None
        names = self.cameras if self.camera is None else frozenset([self.camera]) & (self.cameras or {self.camera})
        if names is not None:
            chosen = select(cameras.c.id).where(cameras.c.name.in_(sorted(names)))
            numbers = connection.execute(chosen).scalars().all()
            if not numbers:
                return None
            if len(numbers) == 1:
                served.append(passages.c.camera_id == numbers[0])  # by the index of the camera's rows
            else:  # not by that index: all their rows would be put in order
                several = (passages.c.camera_id + 0).in_(numbers)
        by_camera = len(served)
        if self.since is not None:
            served.append(passages.c.at >= self.since)
        if self.until is not None:
            served.append(passages.c.at < self.until)
        named: list[ColumnElement[bool]] = []
        others: list[ColumnElement[bool]] = [passages.c.status.in_(SHOWN)]
        if several is not None:
            others.append(several)
        wanted = (
            (passages.c.zone, self.zone), (passages.c.movement, self.movement),
        )  # fmt: skip
        others += [column == value for column, value in wanted if value is not None]
        if self.least is not None:
            others.append(passages.c.confidence >= self.least)
        if self.most is not None:
            others.append(passages.c.confidence <= self.most)
        if self.flagged:
            others.append(passages.c.flags.is_not(None))
        if self.corrected:
            named.append(passages.c.id.in_(select(corrections.c.passage_id)))
        if self.watchlist is not None:
            self._listed(connection, named, others)
        return Conditions(served, named, others, by_camera)

    def _listed(
        self, connection: Connection, named: list[ColumnElement[bool]], others: list[ColumnElement[bool]]
    ) -> None:
        of_list = [] if self.watchlist == ANY_LIST else [hits.c.watchlist == self.watchlist]
        some = select(hits.c.id).where(*of_list).limit(_FEW_HITS)
        if len(connection.execute(some).all()) < _FEW_HITS:
            named.append(passages.c.id.in_(select(hits.c.passage_id).where(*of_list)))
        else:
            others.append(exists().where(hits.c.passage_id == passages.c.id, *of_list))


def older(at: int, number: int) -> list[ColumnElement[bool]]:
    """What comes after this passage where the newest comes first."""
    same = and_(passages.c.at == at, passages.c.id < number)
    return [passages.c.at <= at, or_(passages.c.at < at, same)]  # the first is for the index


def cursor_of(row: Mapping[str, Any]) -> str:
    """Where a page ends: the next begins behind this passage."""
    return f"{row['at']:x}-{row['id']:x}"


def place_of(cursor: str) -> tuple[int, int]:
    """The inverse; ConfigError where it is none."""
    at, _, number = cursor.partition("-")
    try:
        if len(cursor) > 40:
            raise ValueError
        found = int(at, 16), int(number, 16)
        if max(map(abs, found)) >= 1 << 63:
            raise ValueError
        return found
    except ValueError:
        raise ConfigError("cursor: expected the value `next` of an earlier answer") from None
