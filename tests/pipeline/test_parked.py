"""Ten minutes of a camera with a parked car before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamkit import BLUE, GREEN, PLATES, RED, FakeDetector, FakeReader, scene

from streamer.pipeline.runner import run_stream
from streamer.sink.base import BaseSink
from streamer.source.base import StreamInfo
from streamer.types import Frame, Passage

FPS, SECONDS = 5, 600
CUTS = 200, 400  # s: the camera is moved, and the picture jumps


class Street:
    """A parked car with traffic that hides it every 20 seconds, and two hard cuts."""

    name, live = "street", False

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def open(self) -> StreamInfo:
        return StreamInfo(self.name, 320, 180)

    def frames(self) -> Iterator[Frame]:
        for i in range(FPS * SECONDS):
            yield Frame(i, i / FPS, 320, 180, bgr=self._picture(i / FPS))

    def close(self) -> None: ...

    def _picture(self, t: float) -> Any:
        moved = sum(t >= cut for cut in CUTS)
        parked = (120 + 60 * moved, 60 + 30 * moved, BLUE)
        since = t % 20
        passing = RED if (t // 20) % 2 else GREEN
        if since < 2.4:  # it crosses the whole picture; where it hides the parked plate, that is not seen
            x = int(since / 2.4 * 300)
            hides = abs(x - parked[0]) < 90
            return scene(320, 180, (x, parked[1] + 2, passing), *([] if hides else [parked]))
        return scene(320, 180, parked)


class Rows(BaseSink):
    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def passage(self, passage: Passage) -> None:
        self.passages.append(passage)


def test_a_parked_car_is_one_row_with_its_dwell() -> None:
    rows = Rows()
    summary = run_stream(Street(), [rows], detector=FakeDetector(), reader=FakeReader())
    parked = [p for p in rows.passages if p.plate == PLATES[BLUE]]
    assert len(parked) == 1
    assert parked[0].last_s - parked[0].first_s > SECONDS - 5
    assert len(parked[0].parts) >= 2  # joined over the cuts and the traffic
    # The passing cars come back every 40 seconds: each is one vehicle to the 60 seconds of vote.rejoin_s.
    assert len(rows.passages) == 3
    rejected = sum(summary.rejected.values())
    assert summary.tracks + summary.rejected.get("seen too rarely", 0) == summary.passages + summary.joined + rejected
