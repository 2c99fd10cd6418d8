"""Numbered pictures of a folder as a recording: `alpr run 'frames:///data/gate?rate=10'`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import cv2
import numpy as np

from streamer import ConfigError, Frame, InputError, SourcePlace, StreamInfo


class FramesSource:
    """The PNG and JPEG files of a folder in the order of their names, `rate` of them a second (25)."""

    live = False  # a recording: the run waits for every frame and ends with the last

    def __init__(self, address: str, place: SourcePlace) -> None:
        parts = urlsplit(address)
        self._made_with, self.warnings, self.name = (address, place), list[str](), place.name
        try:
            self._rate = Fraction(parse_qs(parts.query).get("rate", ["25"])[0])
        except (ValueError, ZeroDivisionError):
            self._rate = Fraction(0)
        if self._rate <= 0:
            raise ConfigError(f"{self.name}: rate: expected a number of frames a second above 0, like rate=25")
        self._folder = Path(unquote(parts.netloc.rpartition("@")[2] + parts.path))

    def open(self) -> StreamInfo:
        self._files = sorted(f for f in self._folder.glob("*") if f.suffix.lower() in (".png", ".jpg", ".jpeg"))
        if not self._files:
            raise InputError(f"{self.name}: holds no PNG and no JPEG files: give a folder that does")
        first = next(self.frames())
        return StreamInfo(self.name, first.width, first.height, rate=self._rate, frames=len(self._files))

    def frames(self) -> Iterator[Frame]:
        for index, file in enumerate(self._files):
            picture = cv2.imread(str(file))
            if picture is None:
                raise InputError(f"{file}: is not a picture; every frame before it was read")
            height, width = picture.shape[:2]
            yield Frame(index, float(index / self._rate), width, height, bgr=np.asarray(picture, np.uint8))

    def again(self) -> FramesSource:
        return FramesSource(*self._made_with)

    def close(self) -> None:
        """Nothing is open."""
