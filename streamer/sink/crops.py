"""The best picture of every passage's plate."""

from __future__ import annotations

from pathlib import Path

from streamer.sink.base import BaseSink, output_errors
from streamer.types import Passage


class CropSink(BaseSink):
    """Writes `EVENT_ID.png` into the folder `path` for every final row."""

    wants_crops = True

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with output_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def passage(self, passage: Passage) -> None:
        if passage.crop is None:
            return
        import cv2

        file = self.path / f"{passage.event_id}.png"
        with output_errors(file):
            if not cv2.imwrite(str(file), passage.crop):
                raise OSError(f"{file.name} was not written")
