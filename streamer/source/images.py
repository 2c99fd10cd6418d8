"""Pictures as sources of one frame each, and reading picture files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from streamer.config.urls import redact
from streamer.errors import InputError
from streamer.source.identity import file_identity
from streamer.source.pictures import Picture, decode
from streamer.source.snapshot import fetch
from streamer.source.source import StreamInfo
from streamer.source.start_time import Clock
from streamer.types import Frame, Image

_WEB = re.compile(r"(https?):/{1,2}(?=[^/])")  # pathlib removes the second slash
_WAIT_S = 10.0


def load(path: Path) -> Picture:
    """A picture file, or the picture behind an http address; InputError names it and the fault."""
    if _WEB.match(str(path)):
        address = _WEB.sub(r"\1://", str(path), count=1)
        return decode(fetch(address, _WAIT_S), redact(address))
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: check the path", at=path) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): check its permissions", at=path) from None
    return decode(data, str(path))


def read_image(path: Path) -> Image:
    """(H, W, 3) uint8 BGR, upright; InputError names the file and the fault."""
    return load(path).bgr


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
        picture = load(self.path)
        self._bgr = picture.bgr
        self.warnings += picture.warnings
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
