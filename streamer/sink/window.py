"""A live window for --show."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence

from streamer.errors import OutputError
from streamer.sink.events import TrackView
from streamer.sink.sink import BaseSink
from streamer.source.source import StreamInfo
from streamer.types import Frame, Plates

_QUIT_KEYS = (ord("q"), 27)


class WindowSink(BaseSink):
    """Shows each frame as it is processed; q or Escape calls `on_quit`. OutputError where there is no display."""

    needs_frames = True

    def __init__(self, on_quit: Callable[[], None] | None = None) -> None:
        # Qt ends the whole process where it finds no display.
        if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise OutputError("--show: no display (DISPLAY is not set): use --video FILE to see the result later")
        self._on_quit = on_quit
        self._title = "alpr"
        self._open = True

    def begin(self, info: StreamInfo) -> None:
        self._title = f"alpr - {info.name}"

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        import cv2

        from streamer.image.warp import to_bgr
        from streamer.sink.draw import annotate

        if not self._open:
            return
        picture = to_bgr(frame) if frame.bgr is None else frame.bgr.copy()
        annotate(picture, tracks)
        try:
            cv2.imshow(self._title, picture)
            key = cv2.waitKey(1) & 0xFF
        except cv2.error:
            raise OutputError("--show: this OpenCV has no windows (headless build): install opencv-python") from None
        if key in _QUIT_KEYS:
            self._open = False
            if self._on_quit is not None:
                self._on_quit()

    def close(self) -> None:
        import cv2

        with contextlib.suppress(cv2.error):
            cv2.destroyAllWindows()
