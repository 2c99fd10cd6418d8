"""Pictures as sources of one frame each, and the reading of picture files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np

from streamer.errors import InputError
from streamer.source.base import StreamInfo
from streamer.source.clock import Clock
from streamer.source.identity import file_identity
from streamer.types import Frame, Image

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".jp2", ".ppm", ".pgm", ".avif"})


def read_image(path: Path) -> Image:
    """(H, W, 3) uint8 BGR, upright (EXIF orientation applied); InputError names the file and what is wrong."""
    import cv2

    try:
        data = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): check its permissions") from None
    if not data.size:
        raise InputError(f"{path}: is empty (0 bytes): copy it again")
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise InputError(f"{path}: is not a picture that can be read: expected JPEG, PNG, BMP, WebP or TIFF")
    return np.asarray(picture, np.uint8)


class ImageSource:
    """One picture file as a stream of one frame at second 0."""

    live = False

    def __init__(self, path: str | Path, *, start_time: datetime | None = None) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self.warnings: list[str] = []
        self._clock = Clock(start_time, "given") if start_time else Clock()
        self._bgr: Image | None = None

    def open(self) -> StreamInfo:
        self._bgr = read_image(self.path)
        height, width = self._bgr.shape[:2]
        return StreamInfo(
            self.name, width, height, Fraction(1, 25), Fraction(25), frames=1, still=True,
            identity=file_identity(self.path, self.path.name), address=str(self.path),
        )  # fmt: skip

    def frames(self) -> Iterator[Frame]:
        assert self._bgr is not None, "frames() before open()"
        height, width = self._bgr.shape[:2]
        seen = self._clock.at(0.0)
        yield Frame(0, 0.0, width, height, bgr=self._bgr, captured_at=seen, time_source=self._clock.source)

    def close(self) -> None:
        self._bgr = None
