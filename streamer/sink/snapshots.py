"""The whole frame in which every passage's plate was read best."""

from __future__ import annotations

from pathlib import Path

from streamer.sink.base import BaseSink, output_errors
from streamer.types import Passage


class SnapshotSink(BaseSink):
    """Writes `EVENT_ID.jpg` into the folder `path` for every final row."""

    wants_snapshots = True

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with output_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def passage(self, passage: Passage) -> None:
        if passage.snapshot:
            file = self.path / f"{passage.event_id}.jpg"
            with output_errors(file):
                file.write_bytes(passage.snapshot)
