"""Searching the store: patterns, look-alikes, edit distance, and likelihood by the stored distributions.

Distinct plates are searched first, in an index that is read in one go; then the passages of those that match. Where
many match, passages are walked from the newest on instead, until there are enough.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from streamer.errors import ConfigError
from streamer.plates.look_alikes import as_plate, folded
from streamer.plates.texts import distance
from streamer.store.audit import noted
from streamer.store.database import Database
from streamer.store.extras import extra
from streamer.store.posteriors import log_ratio, unpack
from streamer.store.rows import record_of_row
from streamer.store.schema import cameras, passages, plates, posteriors
from streamer.store.write import with_names

How = Literal["pattern", "exact", "alike", "edits", "likely"]

_MANY = 1500  # plates: where more match, passages are walked by time
_CHUNK, _MOST_CHUNK = 1000, 5000  # passages walked at once
_SCORED = 4000  # passages at most that are compared by their distributions, the newest
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
    matches = _matches(connection, query.how, text)
    if query.how == "exact" and query.hashes:
        matches = or_(matches, plates.c.text.in_(query.hashes))
    numbers = connection.execute(select(plates.c.id).where(matches).limit(_MANY)).scalars().all()
    if len(numbers) < _MANY:
        rows = _of_plates(connection, numbers, conditions, query.limit)
    else:
        rows = _walked(connection, matches, conditions, query.limit)
    return [Found(record_of_row(row)) for row in rows]


def _conditions(connection: Connection, query: Query) -> list[ColumnElement[bool]] | None:
    """Of passages; None where there is no such camera."""
    out: list[ColumnElement[bool]] = [passages.c.status.in_(_SHOWN)]
    if query.camera is not None:
        number = connection.execute(select(cameras.c.id).where(cameras.c.name == query.camera)).scalar()
        if number is None:
            return None
        out.append(passages.c.camera_id == number)
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
    connection: Connection, numbers: Sequence[int], conditions: list[ColumnElement[bool]], limit: int
) -> list[Any]:
    """The newest rows of these plates."""
    if not numbers:
        return []
    newest = select(passages.c.id).where(passages.c.plate_id.in_(numbers), *conditions)
    ids = connection.execute(newest.order_by(passages.c.at.desc(), passages.c.id.desc()).limit(limit)).scalars().all()
    return _rows(connection, ids)


def _rows(connection: Connection, ids: Sequence[int]) -> list[Any]:
    """Whole rows, in the order of their numbers `ids`."""
    by_id: dict[int, Any] = {}
    for k in range(0, len(ids), _CHUNK):
        chosen = with_names().where(passages.c.id.in_(ids[k : k + _CHUNK]))
        by_id |= {row["id"]: row for row in connection.execute(chosen).mappings()}
    return [by_id[k] for k in ids]


def _walked(
    connection: Connection, matches: ColumnElement[bool], conditions: list[ColumnElement[bool]], limit: int
) -> list[Any]:
    """The newest rows whose plates match, among all rows from the newest on."""
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
        some = select(plates.c.id).where(plates.c.id.in_({row.plate_id for row in chunk}), matches)
        good = set(connection.execute(some).scalars())
        found += [row.id for row in chunk if row.plate_id in good]
        last, size = chunk[-1], min(2 * size, _MOST_CHUNK)
    return _rows(connection, found[:limit])


def _within_edits(
    connection: Connection, query: Query, text: str, conditions: list[ColumnElement[bool]]
) -> list[Found]:
    """Rows of plates within so many edits: of the wanted text cut into one piece more than that, one is in the plate
    unchanged (`?` in a plate is any character, and so is no part of a piece)."""
    near = near_texts(connection, text, query.edits)
    rows = _of_plates(connection, list(near), conditions, query.limit * 4)
    found = [Found(record_of_row(row), float(near[row["plate_id"]])) for row in rows]
    return sorted(found, key=lambda one: one.score or 0.0)[: query.limit]


def near_texts(connection: Connection, text: str, edits: int) -> dict[int, int]:
    """Plates within so many edits of the text: number and distance."""
    process: Any = extra("rapidfuzz.process", "store")
    scorer: Any = extra("rapidfuzz.distance", "store").Levenshtein.distance
    length = func.length(plates.c.text)
    statement = select(plates.c.id, plates.c.text).where(length.between(len(text) - edits, len(text) + edits))
    if all(pieces := _pieces(text, edits + 1)):
        statement = statement.where(or_(*(contains(connection, plates.c.text, piece) for piece in (*pieces, "?"))))
    rows = connection.execute(statement).all()
    most = edits + text.count("?")  # which is an edit there
    sure = [row for row in rows if "?" not in row.text]
    close = process.extract(text, [row.text for row in sure], scorer=scorer, score_cutoff=most, limit=None)
    near = [sure[k] for _, _, k in close] + [row for row in rows if "?" in row.text]
    distances = {row.id: distance(text, row.text) for row in near}
    return {number: d for number, d in distances.items() if d <= edits}


def _pieces(text: str, count: int) -> list[str]:
    """The text in so many pieces, of each the longest part without `?`."""
    cuts = [round(k * len(text) / count) for k in range(count + 1)]
    return [max(text[a:b].split("?"), key=len) for a, b in pairwise(cuts)]


def _likely(connection: Connection, query: Query, text: str, conditions: list[ColumnElement[bool]]) -> list[Found]:
    """Rows that may have been this plate, most likely first. Compared are those whose text, look-alikes as one, differs
    in one character at most, or lacks the last one or has one more."""
    near = [select(plates.c.id).where(one) for one in _nearly(connection, folded(text))]
    numbers = sorted({number for one in near for number in connection.execute(one).scalars()})
    least = math.log(query.ratio)
    scored: list[tuple[float, int]] = []
    for k in range(0, len(numbers), _CHUNK):
        statement: Select[Any] = (
            select(passages.c.id, plates.c.text, posteriors.c.slots, passages.c.confidence, passages.c.details)
            .join(plates, passages.c.plate_id == plates.c.id)
            .outerjoin(posteriors, posteriors.c.passage_id == passages.c.id)
            .where(passages.c.plate_id.in_(numbers[k : k + _CHUNK]), *conditions)
            .order_by(passages.c.at.desc())
            .limit(_SCORED)
        )
        scored += [(_score(row, text), row.id) for row in connection.execute(statement)]
    best = sorted(((s, i) for s, i in scored if s >= least), reverse=True)[: query.limit]
    rows = _rows(connection, [i for _, i in best])
    return [Found(record_of_row(row), score) for row, (score, _) in zip(rows, best, strict=True)]


def _nearly(connection: Connection, text: str) -> list[ColumnElement[bool]]:
    """Plates of the same length with the same first or second half, and those with a character more or less at the
    end; `text` with look-alikes as one. One by one: all but the second half are found by the index."""
    half = len(text) // 2
    patterns = [text[:half] + "?" * (len(text) - half), "?" * half + text[half:], text[:-1], text + "?"]
    return [like(connection, plates.c.folded, pattern) for pattern in dict.fromkeys(patterns) if pattern.strip("?")]


def _score(row: Row[Any], text: str) -> float:
    """The logarithm of how likely the text is beside the likeliest; without distributions by the row's alternatives."""
    if row.slots is not None:
        return log_ratio(unpack(row.slots), text)
    if row.text == text:
        return 0.0
    others = dict(map(tuple, json.loads(row.details).get("alternatives", ())))
    return math.log(max(others.get(text, 0.0), 1e-9) / max(row.confidence, 1e-9))
