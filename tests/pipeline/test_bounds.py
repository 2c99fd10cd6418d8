"""What waits is bounded and what ended is forgotten, however long a stream is."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamkit import BLUE, FakeDetector, FakeReader, plates_of, reading_of, scene

from streamer.config.models import LineConfig, LiveConfig, RunConfig, VoteConfig, ZoneConfig
from streamer.passages.book import Ongoing, PassageBook
from streamer.passages.merge import MOST_CROSSED, MOST_PARTS
from streamer.pipeline.engines import Engines
from streamer.pipeline.ports import Ports, StreamSettings, Wanted
from streamer.pipeline.runner import run_stream
from streamer.pipeline.state import StreamState
from streamer.sink.sink import BaseSink
from streamer.source.reconnect import LiveFeed
from streamer.source.source import StreamInfo
from streamer.types import Frame, Passage, Plates, Reading

PICTURE = scene(320, 180, (40, 80, BLUE))


class Counting:
    """A source that knows how many of its frames were taken, and how many are done with."""

    name, finite = "counting", True

    def __init__(self, count: int, live: bool = False) -> None:
        self.warnings: list[str] = []
        self.count, self.live = count, live
        self.given = self.done = self.ahead = 0

    def open(self) -> StreamInfo:
        return StreamInfo(self.name, 320, 180, live=self.live)

    def frames(self) -> Iterator[Frame]:
        for i in range(self.count):
            self.given += 1
            self.ahead = max(self.ahead, self.given - self.done)
            yield Frame(i, i / 25, 320, 180, bgr=PICTURE)

    def close(self) -> None: ...


class SlowDetector(FakeDetector):
    def __init__(self, source: Counting) -> None:
        super().__init__()
        self.source = source

    def detect(self, frame: Frame) -> Plates:
        time.sleep(0.005)
        self.source.done += 1
        return Plates.empty()


class SlowPainter(BaseSink):
    """Draws slower than anything else works."""

    needs_frames = True

    def __init__(self, source: Counting, pause: float) -> None:
        self.source, self.pause, self.drawn = source, pause, 0

    def frame(self, *_: object) -> None:
        time.sleep(self.pause)
        self.drawn += 1
        self.source.done = self.drawn


@pytest.mark.parametrize("room", [1, 8])
def test_a_file_waits_for_the_detector(room: int) -> None:
    source = Counting(120)
    config = RunConfig(queue=room)
    summary = run_stream(source, [], config, detector=SlowDetector(source), reader=FakeReader())
    assert summary.frames == 120
    assert source.ahead <= room + 3  # in the queue, in the decoder's hand, being looked at


def test_a_file_waits_for_what_draws() -> None:
    source = Counting(80)
    painter = SlowPainter(source, 0.01)
    run_stream(source, [painter], RunConfig(queue=2), detector=FakeDetector(), reader=FakeReader())
    assert painter.drawn == 80
    assert source.ahead <= 2 + 4 + 4  # before the detector, before the painter, and one in each hand


def test_a_camera_does_not_wait_for_what_draws() -> None:
    detector, over = FakeDetector(), threading.Event()

    class Camera(Counting):
        def again(self) -> Camera:
            return self

        def frames(self) -> Iterator[Frame]:
            for frame in super().frames():
                yield frame
                while len(detector.seen) <= frame.index:  # no frame is dropped for another reason
                    time.sleep(0.001)
            over.set()

    class Stuck(SlowPainter):
        def frame(self, *_: object) -> None:
            over.wait(30)
            self.drawn += 1

    painter = Stuck(Camera(0), 0.0)
    summary = run_stream(Camera(100, live=True), [painter], detector=detector, reader=FakeReader())
    assert summary.frames == 100
    assert painter.drawn <= 10  # in its hand and its queue, and the last ones


def test_of_a_camera_the_newest_frames_wait() -> None:
    class Camera(Counting):
        def again(self) -> Camera:
            return self

    source, stop = Camera(200, live=True), threading.Event()
    feed = LiveFeed(source, LiveConfig(), stop)
    seen = []
    for frame in feed:
        if frame is not None:
            seen.append(frame.pts)
            time.sleep(0.01)
    assert len(seen) + feed.health.dropped == 200
    assert len(seen) <= 3 + 200 // 10


class Street:
    """A new vehicle every two seconds, often with another one behind it."""

    def __init__(self, config: RunConfig) -> None:
        self.reader, self.second = Naming(), 0
        wanted = Wanted(frames=True, readings=True, provisional=True, crops=True, snapshots=True, waiting=True)
        ports = Ports(Engines(FakeDetector(), self.reader, 0.5).read, self.reader.alphabet, wanted)
        info = StreamInfo("street", 320, 180, live=True)
        self.camera = StreamState(StreamSettings(config, info, 0.5), ports)

    def pass_by(self, vehicles: int) -> None:
        for _ in range(vehicles):
            self.reader.name = f"A{self.second % 100_000:05d}"
            for k in range(5):
                pts = 2 * self.second + k / 10
                found = plates_of([(60 + 8 * k, 60, 120 + 8 * k, 80), (4, 4, 40, 20)])
                if self.second % 3 == 0:
                    found = found[np.arange(2) < 1]
                self.camera.step(Frame(self.second * 10 + k, pts, 320, 180, bgr=PICTURE), found)
            self.second += 1
            self.camera.idle(2 * self.second - 0.1)


class Naming(FakeReader):
    name = "A00000"

    def read(self, crops: Any) -> list[Reading]:
        return [reading_of(f"{self.name}{'XY'[k]}") for k in range(len(crops))]


def held(thing: Any, seen: set[int] | None = None) -> int:
    """How many things of the project and containers hang on this one."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, str | bytes | int | float | np.ndarray | type | None):
        return 0
    seen.add(id(thing))
    if isinstance(thing, dict):
        return 1 + sum(1 + held(v, seen) for v in thing.values())
    if isinstance(thing, list | tuple | set) or type(thing).__name__ == "deque":
        return 1 + sum(1 + held(v, seen) for v in thing)
    if type(thing).__module__.startswith(("streamer", "tests", "test_", "streamkit")) and hasattr(thing, "__dict__"):
        return 1 + held(vars(thing), seen)
    return 0


def test_what_has_passed_is_forgotten() -> None:
    config = RunConfig(
        vote=VoteConfig(rejoin_s=5),
        zones={"all": ZoneConfig(polygon=((0, 0), (1, 0), (1, 1), (0, 1)))},
        lines={"middle": LineConfig(start=(0.25, 0), end=(0.25, 1))},
        cadence="auto",
    )
    street = Street(config)
    street.pass_by(60)
    before = held(street.camera)
    most = 0
    for _ in range(8):
        street.pass_by(30)
        most = max(most, held(street.camera))
    assert street.camera.summary.passages > 250
    assert before > 20
    assert most < 2 * before


def passage(k: int, **changes: Any) -> Passage:
    shown: dict[str, Any] = dict.fromkeys(
        f.name for f in dataclasses.fields(Passage) if f.default is dataclasses.MISSING
    )
    box = (0.0, 0.0, 40.0, 20.0)
    shown |= {
        "camera": "c", "track_id": k, "plate": "A1", "confidence": 0.9, "n_reads": 2, "box": box, "event_id": str(k),
        "first_s": float(k), "last_s": k + 0.5, "time_source": "arrival", "crossed": ("a+", "a-"),
    }  # fmt: skip
    return Passage(**(shown | changes))


def test_rows_of_a_car_that_is_lost_and_found_for_days() -> None:
    book = PassageBook(rejoin_s=5)
    rows = []
    count = 2 * (MOST_PARTS + 1) + 7
    for k in range(count):
        book.add(passage(k + 1))
        rows += book.release(k + 1, [Ongoing(k + 1, "A1")])
    assert len(rows) == 2
    rows += book.finish()
    told = [id for row in rows for id in (row.event_id, *row.parts)]
    assert sorted(map(int, told)) == list(range(1, count + 1))  # none is lost: each ends its first rows
    assert [len(row.parts) for row in rows] == [MOST_PARTS, MOST_PARTS, 6]
    assert [len(row.crossed) for row in rows] == [MOST_CROSSED, MOST_CROSSED, 14]


def test_a_plate_that_trembles_on_a_line() -> None:
    street = Street(RunConfig(lines={"middle": LineConfig(start=(0.5, 0), end=(0.5, 1))}))
    for k in range(500):
        x = 128 + 4 * (k % 2)
        street.camera.step(Frame(k, k / 25, 320, 180, bgr=PICTURE), plates_of([(x, 60, x + 60, 80)]))
    ((_, crossed),) = street.camera._places._courses.values()
    assert len(crossed) == MOST_CROSSED
