"""Pictures of passages: files in a folder beside the database, each with its hash in the table `files`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from streamer.sink.opening import output_errors, write_atomically
from streamer.store.schema import files
from streamer.store.times import now
from streamer.store.write import insert
from streamer.types import Passage


@dataclass(frozen=True)
class Picture:
    """A file that is on the disk: its row in `files`."""

    kind: str
    path: str
    sha256: str
    bytes: int

    def store(self, connection: Connection, passage_id: int) -> None:
        """Adds its row, or replaces that of the passage's earlier picture."""
        values = {"path": self.path, "sha256": self.sha256, "bytes": self.bytes, "at": now()}
        statement = insert(connection, files).values(passage_id=passage_id, kind=self.kind, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["passage_id", "kind"], set_=values))


class FileFolder:
    """The folder of a store's pictures: `KIND/FIRST TWO OF EVENT_ID/EVENT_ID.SUFFIX`."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def keep(self, passage: Passage) -> list[Picture]:
        """Writes the pictures that a passage carries; they are on the disk before a row names them."""
        return [self._write(kind, passage.event_id, suffix, data) for kind, suffix, data in _pictures(passage)]

    def _write(self, kind: str, event_id: str, suffix: str, data: bytes) -> Picture:
        name = f"{kind}/{event_id[:2]}/{event_id}{suffix}"
        path = self.folder / name
        return Picture(kind, name, write_atomically(path, data), len(data))


def default_folder(database: Path) -> Path:
    """Where the pictures of an SQLite store are, unless it is told otherwise."""
    return database.with_name(database.name + ".files")


def _pictures(passage: Passage) -> Iterator[tuple[str, str, bytes]]:
    if passage.crop is not None:
        import cv2

        yield "crop", ".png", cv2.imencode(".png", passage.crop)[1].tobytes()
    if passage.snapshot is not None:
        yield "snapshot", ".jpg", passage.snapshot
