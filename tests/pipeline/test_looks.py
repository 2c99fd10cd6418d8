"""Which finds get a second look: a table, and a passage through the state machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamkit import FakeAlphabet, plates_of, reading_of

from streamer.config.models import RunConfig
from streamer.pipeline.looks import HOPELESS, SURE, Followed, look_again, needs_look
from streamer.pipeline.overload import Relief
from streamer.pipeline.ports import Ports, StreamSettings
from streamer.pipeline.state import StreamState
from streamer.sink.events import PassageFinal
from streamer.source.source import StreamInfo
from streamer.types import FloatArray, Frame, Image, Plates, Reading

HIGH = 0.45
HERE, BESIDE, THERE = (40.0, 80.0, 88.0, 96.0), (50.0, 82.0, 98.0, 98.0), (200.0, 40.0, 248.0, 56.0)
FRAME = Frame(0, 0.0, 320, 180)


def track(box: tuple[float, ...] = HERE, trusted: bool = True, read: bool = False) -> Followed:
    return Followed(np.array(box), trusted, lambda height: read)


@pytest.mark.parametrize(
    ("finds", "tracks", "near", "again", "kept"),
    [
        ([], [], False, "", ""),
        ([(HERE, 0.9)], [], False, "y", "n"),  # may begin a track
        ([(HERE, 0.3)], [], False, "y", "n"),
        ([(HERE, 0.2)], [], False, "n", "n"),  # too weak to begin one
        ([(HERE, 0.2)], [], True, "y", "n"),  # but may belong to one that is not confirmed yet
        ([(HERE, 0.2)], [track()], False, "y", "n"),  # or be what is left of a plate
        ([(THERE, 0.2)], [track()], False, "n", "n"),
        ([(HERE, 0.9)], [track()], False, "n", "y"),  # only continues a track
        ([(HERE, SURE * HIGH)], [track()], False, "n", "y"),
        ([(HERE, SURE * HIGH - 0.001)], [track()], False, "y", "n"),  # near the threshold
        ([(HERE, 0.9)], [track(trusted=False)], False, "y", "n"),
        ([(HERE, 0.9)], [track(read=True)], False, "y", "n"),  # about to be read
        ([(HERE, 0.9), (BESIDE, 0.9)], [track()], False, "ny", "yn"),  # the other may be another plate
        ([(HERE, 0.9), (THERE, 0.9)], [track(), track(THERE, read=True)], False, "ny", "yn"),
        ([(HERE, 0.9)], [track(), track(read=True)], False, "y", "n"),
    ],
)
def test_which(finds: list[tuple[Any, float]], tracks: list[Followed], near: bool, again: str, kept: str) -> None:
    plates = plates_of([box for box, _ in finds], [score for _, score in finds]) if finds else Plates.empty()
    found = needs_look(plates, tracks, HIGH, all_near=near)
    assert tuple("".join("ny"[int(v)] for v in mask) for mask in found) == (again, kept)


@pytest.mark.parametrize(
    ("finds", "tracks", "again", "kept"),
    [
        ([(HERE, 0.9)], [], "n", "y"),  # may begin a track, by its first look
        ([(HERE, 0.22)], [], "n", "n"),
        ([(HERE, 0.23)], [track()], "n", "y"),
        ([(HERE, 0.9)], [track(read=True)], "y", "n"),  # about to be read
        ([(HERE, 0.9), (THERE, 0.9)], [track(read=True), track(THERE)], "yn", "ny"),
    ],
)
def test_sparing(finds: list[tuple[Any, float]], tracks: list[Followed], again: str, kept: str) -> None:
    plates = plates_of([box for box, _ in finds], [score for _, score in finds])
    found = needs_look(plates, tracks, HIGH, all_near=True, sparing_from=HIGH / 2)
    assert tuple("".join("ny"[int(v)] for v in mask) for mask in found) == (again, kept)


def test_of_two_finds_on_one_plate_the_second_look_counts() -> None:
    plates = plates_of([HERE, (41.0, 81.0, 90.0, 97.0), THERE], [0.9, 0.95, 0.8])

    def look(frame: Frame, finds: Plates) -> Plates:
        return replace(finds, score=finds.score * 0.8)

    found = look_again(FRAME, plates, [track((40.0, 80.0, 87.0, 96.0))], HIGH, look)
    assert found.score.tolist() == pytest.approx([0.76, 0.64])
    assert found.box_xyxy[0].tolist() == [41.0, 81.0, 90.0, 97.0]


@given(st.lists(st.floats(0.1, 1.0), max_size=8), st.booleans())
def test_no_find_is_both_and_none_that_may_begin_a_track_is_lost(scores: list[float], near: bool) -> None:
    boxes = [(40.0 * k, 20.0, 40.0 * k + 30, 30.0) for k in range(len(scores))]
    plates = plates_of(boxes, scores) if boxes else Plates.empty()
    again, kept = needs_look(plates, [track((0.0, 20.0, 30.0, 30.0))], HIGH, all_near=near)
    assert not (again & kept).any()
    assert ((again | kept) | (plates.score < HOPELESS * HIGH)).all()


class Passing:
    """A plate that passes, and a spot of a score that begins no track: counts what is looked at again."""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self.looked: list[int] = []
        self.rows: list[str] = []
        ports = Ports(self._read, FakeAlphabet(), look=self._look)
        settings = StreamSettings(RunConfig.model_validate(config or {}), StreamInfo("street", 320, 180), HIGH)
        self.state = StreamState(settings, ports)

    def _look(self, frame: Frame, finds: Plates) -> Plates:
        self.looked.append(len(finds))
        return finds[finds.score > HIGH]

    def _read(self, frame: Frame, quads: Sequence[FloatArray]) -> list[tuple[Reading, Image | None] | None]:
        return [(reading_of("AB1234", 0.99), None) for _ in quads]

    def run(self, frames: int) -> Passing:
        self.state.begin()
        for k in range(frames):
            finds = plates_of([(40.0 + 2 * k, 80.0, 88.0 + 2 * k, 96.0), (10.0, 10.0, 40.0, 20.0)], [0.9, 0.2])
            self.state.step(Frame(k, k / 25, 320, 180), finds)
        self.rows = [e.passage.plate for e in self.state.finish() if isinstance(e, PassageFinal)]
        return self


def test_a_passage_is_looked_at_when_it_begins_and_is_read() -> None:
    run = Passing({"read": {"every": 10}, "vote": {"rejoin_s": 0}}).run(60)
    assert run.rows == ["AB1234"]
    assert sum(run.looked) <= run.state.summary.reads + 5
    assert run.state.summary.detections == 60  # the spot never counts


def test_under_overload_a_passage_is_looked_at_where_it_is_read() -> None:
    plain, spared = Passing(), Passing()
    spared.state.relief = Relief(cadence=False, looks=True)
    assert plain.run(40).rows == spared.run(40).rows == ["AB1234"]
    assert 0 < sum(spared.looked) < sum(plain.looked)


def test_without_a_second_look_all_finds_count() -> None:
    run = Passing({"vote": {"rejoin_s": 0}})
    assert run.state.looks_again
    run.state = StreamState(run.state._settings, replace(run.state._ports, look=None))
    assert not run.state.looks_again
    assert run.run(20).looked == []
