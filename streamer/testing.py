"""A kit for tests of sinks, sources and trackers: a run without weights, cameras or waiting.

    camera = FakeCamera(drive(30))
    run_stream(camera, [my_sink], detector=FakeDetector(), reader=FakeReader())

Scenes are grey with coloured rectangles for plates: `FakeDetector` finds the rectangles, `FakeReader` reads the colour
(`PLATES`). `ManualClock` moves when a test moves it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamer.engine.cards import PLATE_CROP
from streamer.image.warp import to_bgr
from streamer.source.source import StreamInfo
from streamer.types import Frame, Image, Passage, Plates, Reading

# BGR of a plate -> its text.
PLATES = {(200, 40, 40): "皖A12345", (40, 200, 40): "GRN777", (40, 40, 200): "RED1"}
BLUE, GREEN, RED = PLATES
SYMBOLS = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ皖京")


class FakeAlphabet:
    symbols = SYMBOLS
    unreadable = len(SYMBOLS)
    eos = len(SYMBOLS) + 1
    size = len(SYMBOLS) + 2


def reading_of(text: str, sure: float = 0.98, slots: int = 12) -> Reading:
    """A reading of `text` with every slot `sure` of itself."""
    alphabet = FakeAlphabet()
    probs = np.full((slots, alphabet.size), (1 - sure) / (alphabet.size - 1), np.float32)
    for slot in range(slots):
        char = text[slot] if slot < len(text) else ""
        index = alphabet.eos if not char else alphabet.unreadable if char == "?" else SYMBOLS.index(char)
        probs[slot, index] = sure
    return Reading(text, sure ** (len(text) + 1) if text else 0.0, (sure,) * len(text), slot_probs=probs)


class FakeDetector:
    """Finds saturated rectangles."""

    min_score = 0.5

    def __init__(self) -> None:
        self.seen: list[int] = []

    def another(self) -> FakeDetector:
        return self

    def detect(self, frame: Frame) -> Plates:
        self.seen.append(frame.index)
        picture = to_bgr(frame).astype(int)
        mask = (picture.max(2) - picture.min(2) > 80).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        boxes = [s[:4] for s in stats[1:count] if s[4] >= 60]
        return plates_of([(x, y, x + w, y + h) for x, y, w, h in boxes])


class FakeReader:
    """Reads the colour in the middle of a crop."""

    alphabet = FakeAlphabet()
    crop = PLATE_CROP

    def another(self) -> FakeReader:
        return self

    def read(self, crops: Sequence[Image]) -> list[Reading]:
        return [self._one(crop) for crop in crops]

    def _one(self, crop: Image) -> Reading:
        height, width = self.crop.height, self.crop.width
        assert crop.shape == (height, width, 3)
        middle = slice(height // 3, height * 2 // 3), slice(width * 5 // 16, width * 11 // 16)
        colour = crop[middle].reshape(-1, 3).mean(0)
        nearest = min(PLATES, key=lambda bgr: float(np.abs(np.array(bgr) - colour).sum()))
        return reading_of(PLATES[nearest])


def plates_of(boxes: Sequence[Sequence[float]], scores: Sequence[float] | None = None) -> Plates:
    """Plates with upright quads at these boxes."""
    if not boxes:
        return Plates.empty()
    xyxy = np.array(boxes, float)
    x1, y1, x2, y2 = xyxy.T
    quad = np.stack([np.stack(p, -1) for p in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))], 1)
    return Plates(xyxy, np.array(scores or [0.9] * len(xyxy)), quad, np.ones(len(xyxy), bool))


def scene(
    width: int, height: int, *plates: tuple[int, int, tuple[int, int, int]], size: tuple[int, int] = (48, 16)
) -> Image:
    """A grey picture with a plate of `size` (w, h) at each (x, y, colour)."""
    picture = np.full((height, width, 3), 110, np.uint8)
    for x, y, colour in plates:
        cv2.rectangle(picture, (x, y), (x + size[0] - 1, y + size[1] - 1), colour, -1)
    return picture


def drive(frames: int = 30, width: int = 320, height: int = 180, colour: tuple[int, int, int] = BLUE) -> list[Image]:
    """A plate that drives across the picture."""
    step = (width - 60) / max(frames - 1, 1)
    return [scene(width, height, (round(4 + i * step), height // 2, colour)) for i in range(frames)]


def write_video(
    path: Path,
    pictures: Iterable[Image],
    *,
    codec: str = "mpeg4",
    pix_fmt: str = "yuv420p",
    rate: int = 25,
    ticks: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    rotation: int = 0,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    colour: tuple[int, int] | None = None,
    audio: bool = False,
) -> Path:
    """Encodes BGR pictures; `ticks` are their time stamps in `time_base`; `colour` is (colorspace, range)."""
    import av

    pictures = list(pictures)
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", options=container_options or {}) as out:
        out.metadata.update(metadata or {})
        stream: Any = out.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.options = options or {"qscale": "2"} if codec == "mpeg4" else options or {}
        if codec == "mpeg4":
            stream.codec_context.qmax = 3
        if time_base is not None:
            stream.time_base = stream.codec_context.time_base = time_base
        if colour is not None:
            stream.codec_context.colorspace, stream.codec_context.color_range = colour
        if rotation:
            stream.set_display_rotation(rotation)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            if colour is not None:
                frame = frame.reformat(format=pix_fmt, dst_colorspace=colour[0], dst_color_range=colour[1])
                frame.colorspace, frame.color_range = colour
            frame.pts = ticks[index] if ticks else index
            frame.time_base = time_base or Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def passage_of(**changes: Any) -> Passage:
    """A passage with something in every field."""
    base: dict[str, Any] = {
        "camera": "gate", "track_id": 1, "plate": "皖A12345", "confidence": 0.98765, "first_frame": 3, "last_frame": 40,
        "best_frame": 20, "first_s": 0.12, "last_s": 1.6, "first_seen": None, "last_seen": None,
        "time_source": "unknown", "box": (1.0, 2.0, 30.26, 12.04), "n_reads": 5,
        "first_box": (0, 100, 30, 110), "last_box": (80, 50, 128, 66), "score": 0.91234, "event_id": "0f",
        "zone": "lane",
    }  # fmt: skip
    return Passage(**{**base, **changes})


def frame_at(index: int, pts: float | None = None, seen: datetime | None = None) -> Frame:
    """A frame without a picture, for what needs only its time."""
    return Frame(index, index / 25 if pts is None else pts, 320, 180, captured_at=seen)


class FakeCamera:
    """A source of BGR pictures: each connection shows all of them, `rate` a second by their time stamps.

    `live`: a camera that reconnects when its connection ends; otherwise a recording. `opened`: connections made so far.
    `error`: raised after the last picture of the first connection.
    """

    def __init__(
        self,
        pictures: Sequence[Image],
        *,
        name: str = "camera",
        rate: int = 25,
        live: bool = False,
        error: Exception | None = None,
    ) -> None:
        self.name, self.live, self.finite = name, live, not live
        self.warnings: list[str] = []
        self._pictures, self._rate, self._error = pictures, rate, error
        self._opened: list[int] = []  # shared with the sources that `again` gives

    @property
    def opened(self) -> int:
        return len(self._opened)

    def again(self) -> FakeCamera:
        other = FakeCamera(self._pictures, name=self.name, rate=self._rate, live=self.live, error=self._error)
        other._opened = self._opened
        return other

    def open(self) -> StreamInfo:
        self._opened.append(1)
        height, width = self._pictures[0].shape[:2]
        rate = Fraction(self._rate)
        return StreamInfo(self.name, width, height, time_base=1 / rate, rate=rate, live=self.live)

    def frames(self) -> Iterator[Frame]:
        for index, picture in enumerate(self._pictures):
            height, width = picture.shape[:2]
            yield Frame(index, index / self._rate, width, height, bgr=picture)
        if self._error is not None and self.opened == 1:
            raise self._error

    def close(self) -> None:
        """Nothing is open."""


class ManualClock:
    """Stands still but for `move`, and for whoever waits: that moves it by as much, at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 1000.0

    def move(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 31, tzinfo=UTC) + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        over = event.wait(0.0002)  # lets others work
        if not over:
            self.move(seconds)
        return over
