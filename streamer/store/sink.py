"""The output type `store`: events of a run into the store."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from streamer.config.keep import HashConfig, KeepConfig
from streamer.errors import ConfigError
from streamer.sink.events import (
    Event,
    HealthChanged,
    PassageProvisional,
    PassageWithdrawn,
    StreamOpened,
    TrackRejected,
)
from streamer.sink.ledger import record_of as rejection_record
from streamer.sink.sink import BaseSink, Wants
from streamer.store.database import ConflictError, Database, open_database
from streamer.store.files import FileFolder, default_folder
from streamer.store.outbox import Deliveries
from streamer.store.posteriors import unpack
from streamer.store.privacy import Privacy, Retention
from streamer.store.rejected import keep_crop
from streamer.store.rows import record_of_row
from streamer.store.schema import cameras, health, passages, posteriors, rejections, runs
from streamer.store.times import micros, now
from streamer.store.write import Hook, Stored, Writer, new_id, with_names
from streamer.types import Passage, Rejection

if TYPE_CHECKING:
    from streamer.config.outputs import StoreOutput
    from streamer.notify.sink import NotifySink
    from streamer.sink.registry import OutputPlace


class StoreSink(BaseSink):
    """Writes passages, the health of cameras and, where asked for, rejections and pictures to the store at `path`.
    What `write` returns from is on the disk."""

    wants_posteriors = True

    def __init__(
        self,
        path: str,
        *,
        provisional: bool = False,
        rejections: bool = False,
        crops: bool = False,
        snapshots: bool = False,
        folder: str | None = None,
        keep: KeepConfig | None = None,
        hashing: HashConfig | None = None,
        hooks: Sequence[Hook] = (),
    ) -> None:
        self._provisional, self._rejections = provisional, rejections
        self.wants_crops, self.wants_snapshots = crops, snapshots
        self.rows = 0
        self.database: Database = open_database(path, create=True, run=True)
        try:
            place = self.database.place.path
            if (crops or snapshots) and folder is None and place is None:
                raise ConfigError(
                    f"{self.database.name}: pictures are files beside the database: say where with files: FOLDER"
                )
            where = folder or (None if place is None else default_folder(place))
            self._files = FileFolder(where) if where is not None and (crops or snapshots) else None
            self._privacy = Privacy(hashing or HashConfig())
            self._retention = Retention(self.database, keep or KeepConfig(), None if where is None else Path(where))
            self._deliveries = Deliveries(self.database)
            self._writer = Writer(self.database, run_id=self._begin_run(), hooks=(*hooks, self._deliveries.put))
        except BaseException:
            self.database.close()
            raise
        self._resumed: set[str] = set()
        self._closed = False

    @property
    def wants(self) -> Wants:
        base = super().wants
        unwanted: set[type[Event]] = set() if self._rejections else {TrackRejected}
        if not self._provisional:
            unwanted |= {PassageProvisional, PassageWithdrawn}
        own = replace(base, events=(base.events | {HealthChanged}) - unwanted)
        return own | self._deliveries.wants

    def take_targets(self, targets: Sequence[NotifySink]) -> None:
        """Keeps what is to be sent to these (outputs of type webhook, mqtt, apprise), each row in its transaction."""
        self._deliveries.take(targets)

    def write(self, event: Event) -> None:
        try:
            self._write(event)
        except ConflictError:  # a plate was deleted as the last row of it went: it is added again
            self._write(event)
        self._deliveries.follow(event)

    def _write(self, event: Event) -> None:
        if isinstance(event, HealthChanged):
            self._health(event)
        elif isinstance(event, StreamOpened):
            self._stream(event)
        elif self._provisional or not isinstance(event, PassageProvisional | PassageWithdrawn):
            super().write(event)

    def _stream(self, event: StreamOpened) -> None:
        """Notes where a camera is read from. A recording that a camera plays has a name of its own, which is none of a
        camera."""
        with self._writer.transaction() as connection:
            number = self._writer.camera(connection, {"camera": event.stream})
            connection.execute(update(cameras).where(cameras.c.id == number).values(source=event.info.address))

    def passage(self, passage: Passage) -> None:
        hides = self._privacy.hides(passage)
        pictures = self._files.keep(passage) if self._files is not None and not hides else ()
        with self._writer.transaction() as connection:
            stored = self._put(connection, passage)
            if stored is not None:
                for picture in pictures:
                    picture.store(connection, stored.passage_id)
        self.rows += 1

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        status = "withdrawn" if withdrawn else "provisional"
        with self._writer.transaction() as connection:
            self._put(connection, passage, status)

    def waiting(self, camera: str, passages: Sequence[Passage]) -> None:
        """Rows of a camera that are not final yet. The first call makes those final that a killed run left."""
        with self._writer.transaction() as connection:
            if camera not in self._resumed:
                self._resume(connection, camera, {p.event_id for p in passages})
            for one in passages:
                self._put(connection, one, "waiting")
        self._resumed.add(camera)

    def tick(self) -> None:
        self._retention.step()

    def rejection(self, rejection: Rejection) -> None:
        record = rejection_record(rejection)
        if self._privacy.is_on:
            record["text"] = ""
        with self._writer.transaction() as connection:
            values: dict[str, Any] = {
                "camera_id": self._writer.camera(connection, record),
                "run_id": self._writer.run_id,
                "at": now() if rejection.first_seen is None else micros(rejection.first_seen),
                "reason": rejection.reason,
                "text": record["text"],
                "confidence": record["confidence"],
                "details": json.dumps(record, ensure_ascii=False, separators=(",", ":")),
            }
            number = new_id(connection, rejections, values)
            if self.wants_crops and rejection.crop is not None and not self._privacy.is_on:
                keep_crop(connection, number, values["camera_id"], rejection)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._retention.finish()
            self._deliveries.finish()
            with self.database.write() as connection:
                connection.execute(update(runs).where(runs.c.id == self._writer.run_id).values(ended_at=now()))
        finally:
            self.database.close()

    def result(self) -> str:
        return f"{self.rows} row{'s' if self.rows != 1 else ''} in {self.database.name}"

    def _put(self, connection: Connection, passage: Passage, status: str = "final") -> Stored | None:
        record, posterior = self._privacy.row(passage)
        return self._writer.put(connection, record, posterior, status=status, passage=passage)

    def _begin_run(self) -> int:
        values = {
            "started_at": now(), "version": _version(), "host": platform.node(), "pid": os.getpid(),
        }  # fmt: skip
        with self.database.write() as connection:
            return new_id(connection, runs, values)

    def _resume(self, connection: Any, camera: str, living: set[str]) -> None:
        """Rows that waited when an earlier run was killed are final now: nothing can join them any more."""
        left = with_names().where(
            passages.c.status == "waiting", cameras.c.name == camera, passages.c.run_id != self._writer.run_id
        )
        for row in connection.execute(left).mappings().all():
            if row["event_id"] not in living:
                slots = select(posteriors.c.slots).where(posteriors.c.passage_id == row["id"])
                packed = connection.execute(slots).scalar()
                self._writer.put(connection, record_of_row(row), None if packed is None else unpack(packed))

    def _health(self, event: HealthChanged) -> None:
        with self._writer.transaction() as connection:
            number = self._writer.camera(connection, {"camera": event.stream})
            last = select(health.c.up, health.c.reason).where(health.c.camera_id == number)
            before = connection.execute(last.order_by(health.c.id.desc()).limit(1)).one_or_none()
            if before is None or tuple(before) != (event.up, event.reason):
                values = {"camera_id": number, "at": now(), "up": event.up, "reason": event.reason}
                connection.execute(insert(health).values(values))


def store(output: StoreOutput, place: OutputPlace) -> StoreSink:
    """The sink of an entry of `outputs:`."""
    return StoreSink(
        output.path, provisional=output.provisional, rejections=output.rejections, crops=output.crops,
        snapshots=output.snapshots, folder=output.files, keep=output.keep, hashing=output.hash,
    )  # fmt: skip


def _version() -> str:
    try:
        return version("alpr-streamer")
    except PackageNotFoundError:
        return "unknown"
