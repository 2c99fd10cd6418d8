"""What the tests of archives share: drawn recordings with passages over every border, networks without weights, and a
pool that works in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamer.cluster.archive.plan import Plan, plan_of
from streamer.cluster.archive.segment import read_segment
from streamer.cluster.archive.stitch import stitch
from streamer.cluster.local import answered
from streamer.cluster.pool import Outcome, Work
from streamer.config.models import RunConfig
from streamer.pipeline.engines import Engines, load_engines
from streamer.pipeline.runner import run_stream
from streamer.sink.csv import row_of
from streamer.sink.sink import BaseSink
from streamer.source.key_frames import key_frames_of
from streamer.testing import FakeDetector, FakeReader, reading_of, scene, write_video
from streamer.types import Frame, Image, Passage, Plates, Reading

RATE, GOP = 25, 10
TEXTS = tuple(f"{a}{b}{c}" for a, b, c in zip("ABCDEFGHJKLMNPQRSTUV", "71359" * 4, "KXWZY" * 4, strict=True))


class TwoLooks(FakeDetector):
    """A detector whose second look moves the corners by what the picture shows there."""

    def finds(self, frame: Frame) -> Plates:
        return super().detect(frame)

    def look(self, frame: Frame, finds: Plates) -> Plates:
        assert frame.planes is not None
        moved = finds.quad.copy()
        for k, (x1, y1, x2, y2) in enumerate(finds.box_xyxy.astype(int)):
            part = frame.planes.y[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2]
            moved[k] += float(part.mean()) / 1000
        return Plates(finds.box_xyxy, finds.score, moved, finds.quad_is_box)

    def detect(self, frame: Frame) -> Plates:
        return self.look(frame, self.finds(frame))

    def another(self) -> TwoLooks:
        return self


class HueReader(FakeReader):
    """Reads the hue of a plate as a text: one for each tenth of the circle, and each kind of vehicle."""

    def _one(self, crop: Image) -> Reading:
        height, width = crop.shape[:2]
        middle = crop[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3].reshape(-1, 3).mean(0)
        hue = cv2.cvtColor(np.uint8([[middle]]), cv2.COLOR_BGR2HSV)[0, 0, 0]  # type: ignore[call-overload]
        return reading_of(TEXTS[round(int(hue) / 9) % 20])


class Rows(BaseSink):
    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        return [row_of(one) for one in self.passages]


def config_of(**track: Any) -> RunConfig:
    return RunConfig.model_validate({"threads": 1, "vote": {"rejoin_s": 0.0}, **track})


def engines_of(config: RunConfig, *, twice: bool = True) -> Engines:
    return load_engines(config, TwoLooks() if twice else FakeDetector(), HueReader())


def pictures(frames: int, *, parked: bool = True, every: int = 20, noise: int = 6) -> list[Image]:
    """A street: a vehicle each way every `every` frames, on the way for 30 (so that some cross each border), and one
    that is parked all the time; noise, so that no picture is equal to the next."""
    random = np.random.default_rng(5)
    found = []
    for i in range(frames):
        plates = [(250, 150, colour_of(19))] if parked else []
        for start in range(-30, frames, every):
            if 0 <= (at := i - start) < 30:
                lane = start // every
                plates += [(4 + at * 9, 30, colour_of(2 * lane)), (260 - at * 9, 90, colour_of(2 * lane + 11))]
        grain = random.integers(-noise, noise + 1, (180, 320, 1))
        found.append(np.clip(scene(320, 180, *plates).astype(int) + grain, 0, 255).astype(np.uint8))
    return found


def colour_of(number: int) -> tuple[int, int, int]:
    """BGR of the plate that reads `TEXTS[number % 20]`."""
    picture = np.uint8([[[number % 20 * 9, 220, 200]]])  # type: ignore[call-overload]
    blue, green, red = cv2.cvtColor(picture, cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return blue, green, red


def recording(path: Path, frames: int = 120, *, codec: str = "libx264", **more: Any) -> Path:
    options = {"g": str(GOP), "bf": "2", "preset": "ultrafast"} | more.pop("options", {})
    return write_video(path, pictures(frames, **more), codec=codec, rate=RATE, options=options)


def in_one(path: Path, config: RunConfig, engines: Engines) -> list[tuple[str, ...]]:
    rows = Rows()
    run_stream(path, [rows], config, engines=engines)
    return rows.rows


def plan(path: Path, segment_s: float, overlap_s: float) -> Plan:
    return plan_of(key_frames_of(str(path)), segment_s, overlap_s)


def in_pieces(
    path: Path, config: RunConfig, engines: Engines, segment_s: float, overlap_s: float
) -> tuple[list[tuple[str, ...]], Plan, int]:
    """The rows, how the file was cut, and how many pictures were decoded again."""
    cut = plan(path, segment_s, overlap_s)
    pieces = [
        read_segment(str(path), config, engines, begin=one.begin, end=one.end, name=path.name) for one in cut.segments
    ]
    rows = Rows()
    given = [lambda data=data: data for data in pieces]  # type: ignore[misc]
    _, again = stitch(str(path), path.name, given, cut.borders, cut.keys, [rows], config, engines)
    return rows.rows, cut, again


class HerePool:
    """Does each task in this process, when its outcome is asked for. `before` is called first and may give another
    outcome."""

    name = "local"
    slots = 2

    def __init__(self, before: Any = None) -> None:
        self._waiting: deque[tuple[int, Work, Any]] = deque()
        self._before = before
        self.done: list[str] = []
        self.closed = False

    def submit(self, number: int, work: Work, argument: Any) -> None:
        self._waiting.append((number, work, argument))

    def outcomes(self, timeout_s: float) -> list[Outcome]:
        if not self._waiting:
            return []
        number, work, argument = self._waiting.popleft()
        if self._before is not None and (other := self._before(work, argument)) is not None:
            return [Outcome(number, *other)]
        self.done.append(work.__name__)
        return [Outcome(number, *answered(work, argument))]  # type: ignore[arg-type]

    def close(self) -> None:
        self.closed = True


def times(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Event id, text, first and last second of rows."""
    return [(row[14], row[2], row[7], row[8]) for row in rows]
