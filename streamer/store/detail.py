"""One passage with everything that the store knows of it, its plate and its way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, func, select

from streamer.store.corrections import Correction, corrections_of
from streamer.store.database import Database
from streamer.store.paging import Line, lines_of
from streamer.store.posteriors import unpack
from streamer.store.schema import cameras, files, hits, passages, plates, posteriors, revisions
from streamer.store.selection import SHOWN

_SIGHTINGS = 50
_WAY_S = 2 * 3600  # sightings farther apart than this are of two ways
_SYMBOLS = 5  # of a character place
_LEAST = 0.001
_TOLD = ("status", "plate", "confidence", "last_seen", "n_reads", "zone", "crossed", "movement", "flags")


@dataclass(frozen=True)
class Picture:
    """A file of a passage: its path in the folder of pictures."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Slot:
    """A character place of the vote: the likeliest symbols with their probabilities, "" for the end."""

    symbols: tuple[tuple[str, float], ...]

    @property
    def certainty(self) -> float:
        return self.symbols[0][1] if self.symbols else 0.0


@dataclass(frozen=True)
class Change:
    """What a revision changed: key, before, after."""

    revision: int
    stored_at: int
    status: str
    plate: str
    changes: tuple[tuple[str, Any, Any], ...]


@dataclass(frozen=True)
class Match:
    """What a list of plates said, with what its entry had and why."""

    watchlist: str
    entry: str
    how: str
    score: float | None
    at: int
    details: dict[str, Any]


@dataclass(frozen=True)
class Stop:
    """One sighting of a way over cameras. `after_s`: since the one before."""

    line: Line
    after_s: float | None


@dataclass(frozen=True)
class Detail:
    """`read`: the text that the vote gave, where a person put another in its place; `slots`: of that text."""

    line: Line
    source: str
    stored_at: int
    read: str
    hashed: bool
    slots: tuple[Slot, ...]
    history: tuple[Change, ...]
    corrections: tuple[Correction, ...]
    matches: tuple[Match, ...]
    pictures: dict[str, Picture]
    sightings: tuple[Line, ...]
    sighted: int
    way: tuple[Stop, ...]


_WHOLE = (
    select(
        passages.c.id,
        passages.c.at,
        passages.c.plate_id,
        passages.c.stored_at,
        cameras.c.source,
        cameras.c.name,
        plates.c.hashed,
    )
    .join(cameras, passages.c.camera_id == cameras.c.id)
    .join(plates, passages.c.plate_id == plates.c.id)
)


def detail(database: Database, event_id: str, *, seen: frozenset[str] | None = None) -> Detail | None:
    """The passage; None where there is none. `seen`: cameras whose passages may be shown, None for all."""
    with database.read() as connection:
        row = connection.execute(_WHOLE.where(passages.c.event_id == event_id)).one_or_none()
        if row is None or (seen is not None and row.name not in seen):
            return None
        line = lines_of(connection, [row.id])[0]
        made = tuple(corrections_of(connection, [row.id]).get(row.id, ()))
        packed = connection.execute(select(posteriors.c.slots).where(posteriors.c.passage_id == row.id)).scalar()
        all_of_plate = _of_plate(row.plate_id, seen)
        sighted = int(connection.execute(select(func.count()).select_from(all_of_plate.subquery())).scalar_one())
        newest = all_of_plate.order_by(passages.c.at.desc(), passages.c.id.desc()).limit(_SIGHTINGS)
        return Detail(
            line=line,
            source=row.source,
            stored_at=row.stored_at,
            read=made[0].before if made else line.record["plate"],
            hashed=bool(row.hashed),
            slots=() if packed is None else _slots(packed),
            history=tuple(_history(connection, row.id, row.stored_at, line.record)),
            corrections=made,
            matches=tuple(_matches(connection, row.id)),
            pictures=_pictures(connection, row.id),
            sightings=tuple(lines_of(connection, connection.execute(newest).scalars().all())),
            sighted=sighted,
            way=_way(connection, row, seen),
        )


def picture_of(database: Database, event_id: str, kind: str, *, seen: frozenset[str] | None = None) -> Picture | None:
    """The file of a passage's picture of this kind; None where there is none."""
    wanted = (
        select(files.c.path, files.c.sha256, files.c.bytes, cameras.c.name)
        .join(passages, files.c.passage_id == passages.c.id)
        .join(cameras, passages.c.camera_id == cameras.c.id)
        .where(passages.c.event_id == event_id, files.c.kind == kind)
    )
    with database.read() as connection:
        row = connection.execute(wanted).one_or_none()
    if row is None or (seen is not None and row.name not in seen):
        return None
    return Picture(row.path, row.sha256, row.bytes)


def _of_plate(plate_id: int, seen: frozenset[str] | None) -> Any:
    wanted = select(passages.c.id).where(passages.c.plate_id == plate_id, passages.c.status.in_(SHOWN))
    if seen is not None:
        wanted = wanted.where(passages.c.camera_id.in_(select(cameras.c.id).where(cameras.c.name.in_(sorted(seen)))))
    return wanted


def _way(connection: Connection, row: Any, seen: frozenset[str] | None) -> tuple[Stop, ...]:
    """The sightings around this one, each near enough in time to the next, the oldest first."""
    around = _of_plate(row.plate_id, seen).add_columns(passages.c.at)
    before = around.where(passages.c.at <= row.at).order_by(passages.c.at.desc(), passages.c.id.desc())
    after = around.where(passages.c.at > row.at).order_by(passages.c.at, passages.c.id)
    earlier, later = (connection.execute(part.limit(_SIGHTINGS)).all() for part in (before, after))
    near = [*reversed(_joined(earlier)), *_joined([row, *later])[1:]]
    if len(near) < 2:
        return ()
    lines = lines_of(connection, [one.id for one in near])
    gaps = [None, *((b.at - a.at) / 1e6 for a, b in pairwise(lines))]
    return tuple(Stop(line, gap) for line, gap in zip(lines, gaps, strict=True))


def _joined(rows: Any) -> list[Any]:
    """The first ones, up to where the time between two is too long."""
    out: list[Any] = []
    for row in rows:
        if out and abs(row.at - out[-1].at) > _WAY_S * 1_000_000:
            break
        out.append(row)
    return out


def _slots(packed: bytes) -> tuple[Slot, ...]:
    """The character places up to the likeliest end."""
    out = []
    for slot in unpack(packed):
        whole = sum(p for _, p in slot) or 1.0
        shares = tuple((symbol, p / max(whole, 1.0)) for symbol, p in slot[:_SYMBOLS] if p >= _LEAST)
        if slot and slot[0][0] == "" and (len(shares) < 2):
            break
        out.append(Slot(shares))
        if slot and slot[0][0] == "":
            break
    return tuple(out)


def _history(connection: Connection, number: int, stored_at: int, record: dict[str, Any]) -> Iterator[Change]:
    """The revisions, the oldest first, each with what it changed of the one before."""
    earlier = select(revisions).where(revisions.c.passage_id == number).order_by(revisions.c.revision)
    rows = [(r.revision, r.stored_at, json.loads(r.row)) for r in connection.execute(earlier)]
    rows.append((record["revision"], stored_at, record))
    before: dict[str, Any] = {}
    for revision, at, one in rows:
        changes = tuple((key, before[key], one[key]) for key in _TOLD if before and before.get(key) != one.get(key))
        yield Change(revision, at, one["status"], one["plate"], changes)
        before = one


def _matches(connection: Connection, number: int) -> Iterator[Match]:
    for row in connection.execute(select(hits).where(hits.c.passage_id == number).order_by(hits.c.id)):
        yield Match(row.watchlist, row.entry, row.how, row.score, row.at, json.loads(row.details))


def _pictures(connection: Connection, number: int) -> dict[str, Picture]:
    rows = connection.execute(select(files).where(files.c.passage_id == number))
    return {row.kind: Picture(row.path, row.sha256, row.bytes) for row in rows}
