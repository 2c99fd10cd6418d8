"""The plate crop of the best reading of every passage."""

from __future__ import annotations

from streamer.sink.picture_files import PictureSink
from streamer.types import Passage


class CropSink(PictureSink):
    """Writes `EVENT_ID.png` into the folder `path`, or under a name template, for every final row."""

    wants_crops = True
    suffix = ".png"

    def picture(self, passage: Passage) -> bytes | None:
        if passage.crop is None:
            return None
        import cv2

        return bytes(cv2.imencode(".png", passage.crop)[1].tobytes())
