"""The frame of the best reading of every passage."""

from __future__ import annotations

from streamer.sink.picture_files import PictureSink
from streamer.types import Passage


class SnapshotSink(PictureSink):
    """Writes `EVENT_ID.jpg` into the folder `path`, or under a name template, for every final row."""

    wants_snapshots = True
    suffix = ".jpg"

    def picture(self, passage: Passage) -> bytes | None:
        return passage.snapshot or None
