"""What is older than it may be kept, or too much, is deleted: pictures first, then rows, the oldest first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, not_, or_, select

from streamer.config.keep import KeepConfig
from streamer.errors import ConfigError, OutputError
from streamer.store.audit import note, user
from streamer.store.database import Database
from streamer.store.maintain import drop_unused_plates
from streamer.store.schema import (
    audit,
    corrections,
    files,
    health,
    hits,
    passages,
    plates,
    rejection_crops,
    rejections,
)
from streamer.store.times import moment, now
from streamer.store.weight import bytes_of_rows

_DAY = 86_400_000_000
_BATCH = 500
_ROUNDS = 10  # of deleting by size: rows differ
Rows = Callable[[Database, Any], Iterator[Any]]
_LISTED = exists().where(hits.c.passage_id == passages.c.id)


@dataclass
class Purged:
    """What was deleted (or would be: `dry_run`). `events`: over the ids of the passages in their order, so that who has
    those ids can prove what is gone; `complete`: nothing is left that the rules forbid."""

    passages: int = 0
    pictures: int = 0
    picture_bytes: int = 0
    rejections: int = 0
    health: int = 0
    audit: int = 0
    plates: int = 0
    complete: bool = True
    events: Any = field(default_factory=hashlib.sha256, repr=False)
    paths: set[str] = field(default_factory=set, repr=False)

    def count(self, pictures: Iterable[Any]) -> None:
        """Counts pictures, each once: a `dry_run` finds one by several rules."""
        for row in pictures:
            if row.path not in self.paths:
                self.paths.add(row.path)
                self.pictures += 1
                self.picture_bytes += row.bytes

    @property
    def rows(self) -> int:
        """All rows and pictures."""
        return self.passages + self.pictures + self.rejections + self.health + self.audit


def purge(
    database: Database,
    rules: KeepConfig,
    folder: Path | None,
    *,
    erase: Sequence[str] = (),
    dry_run: bool = False,
    most: int | None = None,
    who: str | None = None,
    clock: Callable[[], int] = now,
) -> dict[str, Any]:
    """Deletes what the rules do not allow to be kept, and the passages of the plates `erase`; gives a report, which is
    also in the audit log. `most`: so many passages and pictures at a time (a run goes on with the rest later)."""
    at, done, rows = clock(), Purged(), _all if dry_run else _batched
    for chosen in _pictures(database, rules, at, rows):
        _delete_pictures(database, folder, islice(chosen, most), done, dry_run=dry_run)
    for chosen in _passages(database, rules, at, erase, rows):
        _delete_passages(database, folder, islice(chosen, most), done, dry_run=dry_run)
        if dry_run or (most is not None and done.passages >= most):
            break
    if rules.pictures_days is not None and not dry_run:
        _delete_crops(database, at - int(rules.pictures_days * _DAY))
    for table, days in ((rejections, rules.rejections_days), (health, rules.health_days), (audit, rules.audit_days)):
        if days is not None:
            setattr(done, table.name, _delete_rows(database, table, at - int(days * _DAY), dry_run=dry_run))
    if done.passages and not dry_run:
        with database.write() as connection:
            done.plates = drop_unused_plates(connection)
    done.complete = dry_run or not any(
        next(iter(one), None) is not None
        for one in chain(_pictures(database, rules, at, rows), _passages(database, rules, at, erase, rows))
    )
    report = _report(database, rules, done, at, who=who, erased=len(erase), dry_run=dry_run)
    if not dry_run and (done.rows or most is None):
        with database.write() as connection:
            report["previous"] = _last_report(connection)
            note(connection, "purge", report, rows=done.rows, who=report["who"])
        database.forget()
    return report


def _report(
    database: Database, rules: KeepConfig, done: Purged, at: int, *, who: str | None, erased: int, dry_run: bool
) -> dict[str, Any]:
    deleted = {k: v for k, v in vars(done).items() if k not in ("complete", "events", "paths")}
    with database.read() as connection:
        oldest = connection.execute(select(func.min(passages.c.at))).scalar()
    return {
        "at": moment(at).isoformat(), "who": who or user(), "store": database.name, "dry_run": dry_run,
        "rules": rules.model_dump(exclude_none=True), "plates_erased": erased, "deleted": deleted,
        "event_ids_sha256": done.events.hexdigest(), "complete": done.complete,
        "oldest_left": None if oldest is None else moment(oldest).isoformat(),
    }  # fmt: skip


def _last_report(connection: Connection) -> str:
    """The hash of the last report, so that none can be taken out of the log unseen; empty for the first."""
    last = select(audit.c.details).where(audit.c.action == "purge").order_by(audit.c.id.desc()).limit(1)
    found = connection.execute(last).scalar()
    return "" if found is None else hashlib.sha256(str(found).encode()).hexdigest()


def reports_of(connection: Connection) -> Iterator[tuple[dict[str, Any], bool]]:
    """The reports in the log, and whether each follows the one before it."""
    before = None
    logged = select(audit.c.details).where(audit.c.action == "purge").order_by(audit.c.id)
    for text in connection.execute(logged).scalars():
        report = json.loads(text)
        yield report, before is None or report.get("previous") == before
        before = hashlib.sha256(text.encode()).hexdigest()


def _older(days: float | None, listed_days: float | None, at: int) -> ColumnElement[bool] | None:
    """Passages (or their pictures) older than allowed; None where there is no limit."""
    listed_days = days if listed_days is None else listed_days
    limits = [
        and_(passages.c.at < at - int(limit * _DAY), which)
        for limit, which in ((days, not_(_LISTED)), (listed_days, _LISTED))
        if limit is not None
    ]
    return or_(*limits) if limits else None


def _pictures(database: Database, rules: KeepConfig, at: int, rows: Rows) -> Iterator[Iterator[Any]]:
    """Pictures to delete, by each rule; a rule is looked at when what the ones before it chose is gone."""
    base = select(files.c.id, files.c.path, files.c.bytes).join(passages, files.c.passage_id == passages.c.id)
    base = base.order_by(passages.c.at, files.c.id)
    old = _older(rules.pictures_days, rules.listed_pictures_days, at)
    if old is not None:
        yield rows(database, base.where(old))
    if rules.pictures_mb is not None:
        with database.read() as connection:
            total = int(connection.execute(select(func.coalesce(func.sum(files.c.bytes), 0))).scalar_one())
        yield _until(rows(database, base), total - int(rules.pictures_mb * 1e6))


def _until(rows: Iterator[Any], too_many: int) -> Iterator[Any]:
    """The first rows that have so many bytes together."""
    for row in rows:
        if too_many <= 0:
            return
        too_many -= row.bytes
        yield row


def _passages(
    database: Database, rules: KeepConfig, at: int, erase: Sequence[str], rows: Rows
) -> Iterator[Iterator[Any]]:
    base = select(passages.c.id, passages.c.event_id).order_by(passages.c.at, passages.c.id)
    old = _older(rules.passages_days, rules.listed_days, at)
    if old is not None:
        yield rows(database, base.where(old))
    if erase:
        of_plates = passages.c.plate_id.in_(select(plates.c.id).where(plates.c.text.in_(erase)))
        corrected = passages.c.id.in_(select(corrections.c.passage_id).where(corrections.c.before.in_(erase)))
        yield _batched(database, base.where(or_(of_plates, corrected)))
    for _ in range(_ROUNDS if rules.passages_mb is not None else 0):
        count, size = bytes_of_rows(database)
        over = size - (rules.passages_mb or 0.0) * 1e6
        if over <= 0 or not count:
            return
        yield islice(rows(database, base), max(1, round(count * over / size)))


def _batched(database: Database, statement: Any) -> Iterator[Any]:
    """The rows of a selection, a batch at a time: those before are deleted by then."""
    while True:
        with database.read() as connection:
            rows = connection.execute(statement.limit(_BATCH)).all()
        yield from rows
        if len(rows) < _BATCH:  # asked for more before these are deleted: there are none
            return


def _all(database: Database, statement: Any) -> Iterator[Any]:
    """The rows of a selection that nobody deletes."""
    with database.read() as connection:
        yield from connection.execution_options(stream_results=True).execute(statement)


def _delete_pictures(
    database: Database, folder: Path | None, rows: Iterator[Any], done: Purged, *, dry_run: bool
) -> None:
    while batch := list(islice(rows, _BATCH)):
        if not dry_run:
            _unlink(folder, [row.path for row in batch])
            with database.write() as connection:
                connection.execute(delete(files).where(files.c.id.in_([row.id for row in batch])))
        done.count(batch)


def _delete_passages(
    database: Database, folder: Path | None, rows: Iterator[Any], done: Purged, *, dry_run: bool
) -> None:
    while batch := list(islice(rows, _BATCH)):
        ids = [row.id for row in batch]
        with database.read() as connection:
            pictures = connection.execute(select(files.c.path, files.c.bytes).where(files.c.passage_id.in_(ids))).all()
        if not dry_run:
            _unlink(folder, [row.path for row in pictures])  # first: a picture without a row would be found by no one
            with database.write() as connection:
                connection.execute(delete(passages).where(passages.c.id.in_(ids)))
        done.passages += len(batch)
        done.count(pictures)
        done.events.update("".join(f"{row.event_id}\n" for row in batch).encode())


def _delete_rows(database: Database, table: Table, before: int, *, dry_run: bool) -> int:
    if dry_run:
        with database.read() as connection:
            count = select(func.count()).select_from(table).where(table.c.at < before)
            return int(connection.execute(count).scalar_one())
    with database.write() as connection:
        return int(connection.execute(delete(table).where(table.c.at < before)).rowcount)


def _delete_crops(database: Database, before: int) -> None:
    """Crops of tracks without a row, which are in the database itself."""
    old = select(rejections.c.id).where(rejections.c.at < before)
    with database.write() as connection:
        connection.execute(delete(rejection_crops).where(rejection_crops.c.rejection_id.in_(old)))


def _unlink(folder: Path | None, names: Sequence[str]) -> None:
    if not names:
        return
    if folder is None:
        raise ConfigError("the rows to delete have pictures: say where these are with --files FOLDER")
    for name in names:
        path = folder / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot be deleted ({error.strerror}): check its folder", at=path) from None
