"""The newest annotated picture of each camera, made only while somebody looks: the camera's thread leaves a frame here
(a reference, no copy), whoever asks has it drawn and encoded, once for all who look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from streamer.sink.events import TrackView
from streamer.types import Frame

WIDTHS = (480, 960, 1920)  # px
_LOOKED_S = 5.0  # after a request a camera's frames are wanted for so long
_EVERY_S = 0.2  # at most five pictures of a camera a second
_QUALITY = 80


@dataclass(frozen=True)
class Shot:
    """An encoded picture. `tag`: changes with it; `width`, `height`: of the frame."""

    jpeg: bytes
    tag: str
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class _Newest:
    number: int
    frame: Frame
    tracks: Sequence[TrackView]


class _Encoded:
    """One camera's picture of one width."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.shot: Shot | None = None
        self.at = float("-inf")
        self.number = -1


class Pictures:
    """For any number of threads. `encoded` counts pictures that were made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: dict[str, float] = {}
        self._newest: dict[str, _Newest] = {}
        self._made: dict[tuple[str, int, bool], _Encoded] = {}
        self._began = f"{time.time_ns():x}"
        self.encoded = 0

    def wants(self, stream: str) -> bool:
        """Whether somebody looks at the camera; called for each of its frames."""
        asked = self._asked.get(stream)
        if asked is None:
            return False
        if self._clock() - asked > _LOOKED_S:
            self._asked.pop(stream, None)
            self._newest.pop(stream, None)  # the frame is as large as the picture
            return False
        return True

    def put(self, stream: str, frame: Frame, tracks: Sequence[TrackView]) -> None:
        """The newest frame of a camera."""
        before = self._newest.get(stream)
        self._newest[stream] = _Newest(0 if before is None else before.number + 1, frame, tracks)

    def ask(self, stream: str) -> None:
        """Somebody looks at the camera, or is about to."""
        self._asked[stream] = self._clock()

    def shot(self, stream: str, width: int = 960, *, drawn: bool = True) -> Shot | None:
        """The newest picture, `width` px wide at most; None while there is none. `drawn`: with the tracks. The last one
        again where it is not old enough for a new one."""
        self.ask(stream)
        made = self._made.setdefault((stream, width, drawn), _Encoded())
        with made.lock:
            newest, now = self._newest.get(stream), self._clock()
            if newest is None:
                return made.shot if now - made.at < _LOOKED_S else None
            if newest.number != made.number and now - made.at >= _EVERY_S:
                made.shot = _encoded(newest, width, f"{self._began}-{newest.number}-{width}", drawn)
                made.number, made.at = newest.number, now
                self.encoded += 1
            return made.shot


def _encoded(newest: _Newest, width: int, tag: str, drawn: bool) -> Shot:
    import cv2

    from streamer.image.warp import shrunk_bgr, to_bgr
    from streamer.sink.draw import annotate

    frame = newest.frame
    scale = min(1.0, width / frame.width)
    if scale < 1:
        picture = shrunk_bgr(frame, round(frame.width * scale), round(frame.height * scale))
    else:
        picture = to_bgr(frame) if frame.bgr is None else frame.bgr.copy()
    if drawn:
        annotate(picture, [_scaled(one, scale) for one in newest.tracks])
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return Shot(jpeg, tag, frame.width, frame.height)


def _scaled(track: TrackView, scale: float) -> TrackView:
    return replace(track, box_xyxy=track.box_xyxy * scale, quad=track.quad * scale)
