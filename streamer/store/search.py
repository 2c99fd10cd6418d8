"""Searching the store: patterns, look-alikes, edit distance, and likelihood by the stored distributions.

Distinct plates are searched first, in their packed texts (plate_search.py) or, where the first characters are known,
in the index; then the passages of those that match. Where many match, passages are walked from the newest on instead,
until there are enough.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal_column, or_, select

from streamer.errors import ConfigError
from streamer.plates.look_alikes import as_plate, as_read, folded
from streamer.store.audit import noted
from streamer.store.database import Database
from streamer.store.plate_blocks import keep_blocks
from streamer.store.plate_search import matching, near
from streamer.store.posteriors import log_ratio, unpack
from streamer.store.rows import record_of_row
from streamer.store.schema import cameras, passages, plates, posteriors
from streamer.store.write import with_names

How = Literal["pattern", "exact", "alike", "edits", "likely"]

_MANY = 6000  # plates: where more match, passages are walked by time
_MOST = 50_000  # plates that are looked for: where more match, so do many passages
_CHUNK, _MOST_CHUNK = 1000, 5000  # passages walked at once
_SCORED = 4000  # passages at most that are compared by their distributions, the newest
# Not an index's order: PostgreSQL would walk all passages by time, though few are of the plates.
_NEWEST_OF_FEW = ((passages.c.at + literal_column("0")).desc(), passages.c.id.desc())
_PREFIX = 2  # characters that are known at the beginning, from which on the index is faster
_SHOWN = ("final", "provisional", "waiting")


@dataclass(frozen=True)
class Query:
    """What is looked for. `text`: `*` any characters, `?` any one; without either it may be any part of the plate
    (`pattern`, `alike`). `alike`: look-alikes count as one; `edits`: within so many edits; `likely`: at least `ratio`
    times as likely as what was read. `since`, `until`: microseconds (times.py), when first seen; `until` is not in it.
    `hashes`: how a whole plate (`exact`) may stand in the store besides (`Keys.all_of`).
    """

    text: str
    how: How = "pattern"
    edits: int = 1
    ratio: float = 0.01
    since: int | None = None
    until: int | None = None
    camera: str | None = None
    limit: int = 50
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """A row that matches: as in JSON lines; `score`: its edits, or the natural logarithm of its ratio."""

    record: dict[str, Any]
    score: float | None = None


def find(database: Database, query: Query, *, who: str | None = None) -> list[Found]:
    """The rows that match: the newest first, by distance or likelihood the best first. The search is noted in the audit
    log."""
    text = wanted(query)
    keep_blocks(database)
    with database.read() as connection:
        found = _find(connection, query, text)
    asked: dict[str, Any] = {
        "text": query.hashes[-1] if query.hashes else text,
        "how": query.how,
        "since": query.since,
        "until": query.until,
        "camera": query.camera,
    }
    noted(database, "find", {k: v for k, v in asked.items() if v is not None}, rows=len(found), who=who)
    return found


def wanted(query: Query) -> str:
    """The text as plates are stored, wildcards kept; ConfigError where the query makes no sense."""
    text = "".join(part if part in ("*", "?") else as_plate(part) for part in _parts(query.text))
    if not text.strip("*?"):
        raise ConfigError(f"{query.text!r}: names no character of a plate: expected one like B?3*7")
    if query.how in ("exact", "edits", "likely") and "*" in text:
        raise ConfigError(
            f"{query.text!r}: * has no meaning with --{query.how}: write a whole plate, ? for one unknown"
        )
    if query.how == "edits" and len(text) <= 2 * query.edits:
        raise ConfigError(f"{query.text!r}: {query.edits} edits make {len(text)} characters anything: give fewer")
    return text


def _parts(text: str) -> Iterator[str]:
    plain = ""
    for character in text:
        if character in "*?":
            yield plain
            yield character
            plain = ""
        else:
            plain += character
    yield plain


def _find(connection: Connection, query: Query, text: str) -> list[Found]:
    conditions = _conditions(connection, query)
    if conditions is None:
        return []
    if query.how == "likely":
        return _likely(connection, query, text, conditions)
    if query.how == "edits":
        return _within_edits(connection, query, text, conditions)
    numbers = _plates(connection, query, text)
    if len(numbers) < _MANY:
        rows = _of_plates(connection, numbers, query, conditions, query.limit)
    else:
        wanted = None if len(numbers) == _MOST else set(numbers)
        rows = _walked(connection, wanted, _matches(connection, query.how, text), conditions, query.limit)
    return [Found(record_of_row(row)) for row in rows]


def _plates(connection: Connection, query: Query, text: str) -> Sequence[int]:
    """The numbers of plates that match, `_MOST` at most: by the index where the first character is known."""
    is_part = query.how != "exact" and not set("*?") & set(text)
    if is_part or set("*?") & set(text[:_PREFIX]):
        return matching(connection, text, _MOST, alike=query.how == "alike", part=is_part)
    matches = _matches(connection, query.how, text)
    if query.how == "exact" and query.hashes:
        matches = or_(matches, plates.c.text.in_(query.hashes))
    return connection.execute(select(plates.c.id).where(matches).limit(_MOST)).scalars().all()


def _conditions(connection: Connection, query: Query) -> list[ColumnElement[bool]] | None:
    """Of passages; None where there is no such camera."""
    out: list[ColumnElement[bool]] = [passages.c.status.in_(_SHOWN)]
    if query.camera is not None:
        number = connection.execute(select(cameras.c.id).where(cameras.c.name == query.camera)).scalar()
        if number is None:
            return None
        out.append(passages.c.camera_id == number)
    return [*out, *_when(query)]


def _when(query: Query) -> list[ColumnElement[bool]]:
    out: list[ColumnElement[bool]] = []
    if query.since is not None:
        out.append(passages.c.at >= query.since)
    if query.until is not None:
        out.append(passages.c.at < query.until)
    return out


def _matches(connection: Connection, how: How, text: str) -> ColumnElement[bool]:
    """The condition on plates."""
    column = plates.c.folded if how == "alike" else plates.c.text
    text = folded(text) if how == "alike" else text
    if how != "exact" and not set("*?") & set(text):
        return contains(connection, column, text)
    return like(connection, column, text)


def contains(connection: Connection, column: Any, text: str) -> ColumnElement[bool]:
    """Whether the text is a part of the column's."""
    part = func.instr if connection.dialect.name == "sqlite" else func.strpos
    found: ColumnElement[bool] = part(column, text) > 0
    return found


def like(connection: Connection, column: Any, pattern: str) -> ColumnElement[bool]:
    """Whether the column fits the pattern; by the index where that begins with characters."""
    if not set("*?") & set(pattern):
        same: ColumnElement[bool] = column == pattern
        return same
    if connection.dialect.name == "sqlite":
        found: ColumnElement[bool] = column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
        return found
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")  # type: ignore[no-any-return]


def _of_plates(
    connection: Connection, numbers: Sequence[int], query: Query, conditions: list[ColumnElement[bool]], limit: int
) -> list[Any]:
    """The newest rows of these plates. Their times are in the index: rows are looked at from the newest on."""
    most = 4 * limit
    newest: list[tuple[int, int]] = []
    for k in range(0, len(numbers), _CHUNK):
        times = select(passages.c.at, passages.c.id).where(passages.c.plate_id.in_(numbers[k : k + _CHUNK]))
        times = times.where(*_when(query)).order_by(*_NEWEST_OF_FEW).limit(most)
        newest += [(row.at, row.id) for row in connection.execute(times)]
    newest = sorted(newest, reverse=True)[:most]
    found: list[int] = []
    step = min(limit, _CHUNK)
    for k in range(0, len(newest), step):
        ids = [number for _, number in newest[k : k + step]]
        fit = set(connection.execute(select(passages.c.id).where(passages.c.id.in_(ids), *conditions)).scalars())
        found += [number for number in ids if number in fit]
        if len(found) >= limit:
            break
    if len(found) < limit and len(newest) == most:  # most are not of the camera, or no rows
        found = _of_plates_that_fit(connection, numbers, conditions, limit)
    return _rows(connection, found[:limit])


def _of_plates_that_fit(
    connection: Connection, numbers: Sequence[int], conditions: list[ColumnElement[bool]], limit: int
) -> list[int]:
    newest: list[tuple[int, int]] = []
    for k in range(0, len(numbers), _CHUNK):
        some = select(passages.c.at, passages.c.id).where(passages.c.plate_id.in_(numbers[k : k + _CHUNK]), *conditions)
        rows = connection.execute(some.order_by(*_NEWEST_OF_FEW).limit(limit))
        newest += [(row.at, row.id) for row in rows]
    return [number for _, number in sorted(newest, reverse=True)]


def _rows(connection: Connection, ids: Sequence[int]) -> list[Any]:
    """Whole rows, in the order of their numbers `ids`."""
    by_id: dict[int, Any] = {}
    for k in range(0, len(ids), _CHUNK):
        chosen = with_names().where(passages.c.id.in_(ids[k : k + _CHUNK]))
        by_id |= {row["id"]: row for row in connection.execute(chosen).mappings()}
    return [by_id[k] for k in ids]


def _walked(
    connection: Connection,
    wanted: set[int] | None,
    matches: ColumnElement[bool],
    conditions: list[ColumnElement[bool]],
    limit: int,
) -> list[Any]:
    """The newest rows whose plates are `wanted`, among all rows from the newest on; None: those that match."""
    found: list[int] = []
    size, last = _CHUNK, None
    while len(found) < limit:
        older: list[ColumnElement[bool]] = []
        if last is not None:  # the first condition is for the index
            same = and_(passages.c.at == last.at, passages.c.id < last.id)
            older = [passages.c.at <= last.at, or_(passages.c.at < last.at, same)]
        columns = select(passages.c.id, passages.c.at, passages.c.plate_id).where(*conditions, *older)
        chunk = connection.execute(columns.order_by(passages.c.at.desc(), passages.c.id.desc()).limit(size)).all()
        if not chunk:
            break
        if wanted is None:
            some = select(plates.c.id).where(plates.c.id.in_({row.plate_id for row in chunk}), matches)
            good = set(connection.execute(some).scalars())
        else:
            good = wanted
        found += [row.id for row in chunk if row.plate_id in good]
        last, size = chunk[-1], min(2 * size, _MOST_CHUNK)
    return _rows(connection, found[:limit])


def _within_edits(
    connection: Connection, query: Query, text: str, conditions: list[ColumnElement[bool]]
) -> list[Found]:
    """Rows of plates within so many edits."""
    away = near(connection, text, query.edits)
    rows = _of_plates(connection, list(away), query, conditions, query.limit * 4)
    found = [Found(record_of_row(row), float(away[row["plate_id"]])) for row in rows]
    return sorted(found, key=lambda one: one.score or 0.0)[: query.limit]


def _likely(connection: Connection, query: Query, text: str, conditions: list[ColumnElement[bool]]) -> list[Found]:
    """Rows that may have been this plate, most likely first. Compared are those whose text, look-alikes as one, differs
    in one character at most, or lacks the last one or has one more."""
    numbers = _nearly(connection, folded(text))
    least = math.log(query.ratio)
    scored: list[tuple[float, int]] = []
    for k in range(0, len(numbers), _CHUNK):
        statement: Select[Any] = (
            select(
                passages.c.id,
                plates.c.text,
                posteriors.c.slots,
                passages.c.confidence,
                passages.c.details,
                passages.c.region,
            )
            .join(plates, passages.c.plate_id == plates.c.id)
            .outerjoin(posteriors, posteriors.c.passage_id == passages.c.id)
            .where(passages.c.plate_id.in_(numbers[k : k + _CHUNK]), *conditions)
            .order_by(*_NEWEST_OF_FEW)
            .limit(_SCORED)
        )
        scored += [(_score(row, text), row.id) for row in connection.execute(statement)]
    best = sorted(((s, i) for s, i in scored if s >= least), reverse=True)[: query.limit]
    rows = _rows(connection, [i for _, i in best])
    return [Found(record_of_row(row), score) for row, (score, _) in zip(rows, best, strict=True)]


def _nearly(connection: Connection, text: str) -> list[int]:
    """Plates of the same length with the same first or second half, and those with a character more or less at the
    end; `text` with look-alikes as one."""
    half = len(text) // 2
    patterns = [text[:half] + "?" * (len(text) - half), "?" * half + text[half:], text[:-1], text + "?"]
    found: set[int] = set()
    for pattern in dict.fromkeys(patterns):
        if pattern[:1] == "?" and pattern.strip("?"):
            found.update(matching(connection, pattern, alike=True, part=False))
        elif pattern.strip("?"):
            found.update(
                connection.execute(select(plates.c.id).where(like(connection, plates.c.folded, pattern))).scalars()
            )
    return sorted(found)


def _score(row: Row[Any], text: str) -> float:
    """The logarithm of how likely the text is beside the likeliest; without distributions by the row's alternatives."""
    text = as_read(text, row.region)
    if row.text == text:
        return 0.0
    if row.slots is not None:
        return log_ratio(unpack(row.slots), text)
    others = dict(map(tuple, json.loads(row.details).get("alternatives", ())))
    return math.log(max(others.get(text, 0.0), 1e-9) / max(row.confidence, 1e-9))
