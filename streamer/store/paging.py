"""Passages a page at a time, the newest first, at any size of the store.

A page goes on behind the last row of the one before (`next`), by the index of times. Filters that no index serves are
looked at row by row, and only so many rows for one page: it may then be short, and its `next` goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, select

from streamer.store.audit import noted
from streamer.store.corrections import Correction, corrections_of
from streamer.store.database import Database
from streamer.store.rows import record_of_row
from streamer.store.schema import files, hits, passages, plates
from streamer.store.search import _NEWEST_OF_FEW, Query, _matches, _plates, find
from streamer.store.selection import Conditions, Selection, cursor_of, older, place_of
from streamer.store.write import with_names

MOST = 500  # rows of a page
_MANY = 6000  # plates: where more match, passages are walked
_CHUNK = 1000  # numbers in one statement
_SPARE = 3  # rows of plates that are looked at for one of a page
_FIRST, _STEPS = 4_000, 4  # rows that are looked at for one page: each step twice as many as the one before


@dataclass(frozen=True)
class Hit:
    """What a list of plates said of a passage."""

    watchlist: str
    entry: str
    how: str


@dataclass(frozen=True)
class Line:
    """One passage of a page. `record`: as in JSON lines; `pictures`: kinds that are kept ("crop", "snapshot");
    `score`: of a ranked search."""

    id: int
    at: int
    timed: bool
    record: dict[str, Any]
    hits: tuple[Hit, ...] = ()
    pictures: frozenset[str] = frozenset()
    corrected: Correction | None = None
    score: float | None = None


@dataclass(frozen=True)
class Page:
    """`next`: the cursor of the next page, None behind the last one; `looked`: the time back to which all was looked
    at, where a page is short for that."""

    lines: tuple[Line, ...]
    next: str | None = None
    looked: int | None = None


def page(
    database: Database,
    chosen: Selection,
    *,
    cursor: str | None = None,
    limit: int = 50,
    who: str | None = None,
    quiet: bool = False,
) -> Page:
    """The passages that are chosen, behind the cursor. A search by text is noted in the audit log, once; `quiet`: not
    here."""
    limit = max(1, min(limit, MOST))
    if chosen.is_ranked:
        return _ranked(database, chosen, who)
    place = None if not cursor else place_of(cursor)
    text = chosen.pattern() if chosen.text else ""
    with database.read() as connection:
        ids, following, looked = _ids(connection, chosen, text, place, limit)
        lines = lines_of(connection, ids)
    if text and place is None and not quiet:
        noted(database, "find", chosen.told(), rows=len(lines), who=who)
    return Page(tuple(lines), following, looked)


def every(database: Database, chosen: Selection, *, who: str | None = None, most: int = 1_000_000) -> Iterator[Line]:
    """All passages that are chosen, for an export, which is noted in the audit log before anything leaves."""
    noted(database, "export", {"selection": chosen.told()}, who=who)
    cursor: str | None = None
    while most > 0:
        found = page(database, chosen, cursor=cursor, limit=min(MOST, most), who=who, quiet=True)
        yield from found.lines
        most -= len(found.lines)
        cursor = found.next
        if cursor is None:
            return


def _ids(
    connection: Connection, chosen: Selection, text: str, place: tuple[int, int] | None, limit: int
) -> tuple[list[int], str | None, int | None]:
    """Numbers of the page's passages, the cursor behind them, and how far back was looked where they are too few."""
    conditions = chosen.conditions(connection)
    if conditions is None:
        return [], None, None
    if text:
        numbers = _plates(connection, Query(text, chosen.how), text)
        if not numbers:
            return [], None, None
        if len(numbers) < _MANY and not conditions.named:
            return _of_plates(connection, numbers, conditions, place, limit)
        if len(numbers) < _MANY:
            conditions.named.append(passages.c.plate_id.in_(numbers))
        else:
            fits = _matches(connection, chosen.how, text)
            conditions.others.append(exists().where(plates.c.id == passages.c.plate_id, fits))
    if conditions.named:
        behind = [] if place is None else older(*place)
        few = _ROWS.where(*conditions.all, *behind).order_by(*_NEWEST_OF_FEW)
        rows = connection.execute(few.limit(limit + 1)).mappings().all()
        return _cut(rows, limit)
    return _walked(connection, conditions, place, limit)


_ROWS = select(passages.c.id, passages.c.at)
_NEWEST = _ROWS.order_by(passages.c.at.desc(), passages.c.id.desc())


def _of_plates(
    connection: Connection, numbers: Sequence[int], conditions: Conditions, place: tuple[int, int] | None, limit: int
) -> tuple[list[int], str | None, int | None]:
    """Of these plates: their times are in the index, and rows are looked at from the newest on."""
    found: list[Any] = []
    size = _SPARE * (limit + 1)
    while True:
        behind = [] if place is None else older(*place)
        newest: list[Any] = []
        for k in range(0, len(numbers), _CHUNK):
            some = _ROWS.where(passages.c.plate_id.in_(numbers[k : k + _CHUNK]), *conditions.times, *behind)
            newest += connection.execute(some.order_by(*_NEWEST_OF_FEW).limit(size)).mappings().all()
        newest = sorted(newest, key=lambda row: (row["at"], row["id"]), reverse=True)[:size]
        for k in range(0, len(newest), _CHUNK):
            part = newest[k : k + _CHUNK]
            some = select(passages.c.id).where(passages.c.id.in_([row["id"] for row in part]), *conditions.all)
            fit = set(connection.execute(some).scalars())
            found += [row for row in part if row["id"] in fit]
            if len(found) > limit:
                return _cut(found, limit)
        if len(newest) < size:
            return _cut(found, limit)
        place, size = (newest[-1]["at"], newest[-1]["id"]), 2 * size


def _walked(
    connection: Connection, conditions: Conditions, place: tuple[int, int] | None, limit: int
) -> tuple[list[int], str | None, int | None]:
    """Among all rows from the place on, in steps that end at a row that the index finds."""
    found: list[Any] = []
    size = _FIRST
    for _ in range(_STEPS):
        behind = [] if place is None else older(*place)
        ahead = _NEWEST.where(*conditions.served, *behind)
        end = connection.execute(ahead.offset(size).limit(1)).mappings().one_or_none()
        within = [] if end is None else [passages.c.at >= end["at"]]
        rows = ahead.where(*conditions.others, *within).limit(limit + 1 - len(found))
        found += connection.execute(rows).mappings().all()
        if end is None or len(found) > limit:
            return _cut(found, limit)
        place, size = (end["at"], 0), size * 2  # rows of the same time as the last one were all looked at
    assert place is not None
    return [row["id"] for row in found], cursor_of({"at": place[0], "id": 0}), place[0]


def _cut(rows: Sequence[Any], limit: int) -> tuple[list[int], str | None, int | None]:
    ids = [row["id"] for row in rows]
    return ids[:limit], cursor_of(rows[limit - 1]) if len(ids) > limit else None, None


def lines_of(connection: Connection, ids: Sequence[int]) -> list[Line]:
    """These passages, in this order, with what belongs to each."""
    if not ids:
        return []
    rows = {r["id"]: dict(r) for r in connection.execute(with_names().where(passages.c.id.in_(ids))).mappings()}
    of_lists: dict[int, list[Hit]] = {}
    said = select(hits.c.passage_id, hits.c.watchlist, hits.c.entry, hits.c.how).where(hits.c.passage_id.in_(ids))
    for number, *hit in connection.execute(said.order_by(hits.c.id)):
        of_lists.setdefault(number, []).append(Hit(*hit))
    kept: dict[int, set[str]] = {}
    for number, kind in connection.execute(select(files.c.passage_id, files.c.kind).where(files.c.passage_id.in_(ids))):
        kept.setdefault(number, set()).add(kind)
    corrected = corrections_of(connection, ids)
    return [
        Line(
            number, rows[number]["at"], rows[number]["last_at"] is not None, record_of_row(rows[number]),
            tuple(of_lists.get(number, ())), frozenset(kept.get(number, ())),
            corrected[number][-1] if number in corrected else None,
        )
        for number in ids if number in rows
    ]  # fmt: skip


def _ranked(database: Database, chosen: Selection, who: str | None) -> Page:
    """The best of a search by edits or likelihood, those that the other filters leave."""
    query = Query(
        chosen.text, chosen.how, since=chosen.since, until=chosen.until, camera=chosen.camera, limit=MOST // 2
    )
    found = find(database, query, who=who)
    scores = {one.record["event_id"]: one.score for one in found}
    with database.read() as connection:
        conditions = chosen.conditions(connection)
        if conditions is None or not scores:
            return Page(())
        left = select(passages.c.event_id, passages.c.id).where(passages.c.event_id.in_(scores), *conditions.all)
        numbers = {row.event_id: row.id for row in connection.execute(left)}
        lines = lines_of(connection, [numbers[e] for e in scores if e in numbers])
    return Page(tuple(Line(**{**vars(line), "score": scores[line.record["event_id"]]}) for line in lines))
