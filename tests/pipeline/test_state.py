"""One stream's state machine: detections and readings in, events out, without threads, sinks or waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from streamkit import FakeAlphabet, plates_of, reading_of

from streamer.config.models import RunConfig
from streamer.pipeline.overload import NO_RELIEF, Relief
from streamer.pipeline.ports import Ports, StreamSettings, Wanted
from streamer.pipeline.state import StreamState
from streamer.sink.events import (
    Event,
    FrameSeen,
    PassageFinal,
    PassageProvisional,
    PassagesWaiting,
    PassageWithdrawn,
    StreamClosed,
    StreamOpened,
    TrackRejected,
)
from streamer.source.source import StreamInfo
from streamer.types import FloatArray, Frame, Image, Plates, Posterior, Reading

Box = tuple[float, float, float, float]
FILE = StreamInfo("street", 320, 180)
CAMERA = StreamInfo("street", 320, 180, live=True)
LEFT, RIGHT = (40.0, 80.0, 88.0, 96.0), (200.0, 40.0, 248.0, 56.0)
AT_ONCE = {"vote": {"rejoin_s": 0}}


@dataclass(frozen=True)
class Look:
    """One frame: the plates that the detector finds and what the reader makes of each. `found` None: it did not run;
    `s`: its second (25 frames a second unless given)."""

    found: Mapping[str, Box] | None = field(default_factory=dict)
    part: int = 0
    size: tuple[int, int] = (320, 180)
    s: float | None = None
    sure: float = 0.98
    score: float = 0.9


NOTHING = Look()


def one(text: str, count: int, box: Box = LEFT, step: float = 2.0, **rest: Any) -> list[Look]:
    """A plate that moves to the right."""
    return [Look({text: (box[0] + step * k, box[1], box[2] + step * k, box[3])}, **rest) for k in range(count)]


class Play:
    """A stream that is played look by look; `events` has each with the number of the look that it came with."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        info: StreamInfo = FILE,
        wanted: Wanted = Wanted(),  # noqa: B008
    ) -> None:
        self.texts: dict[bytes, tuple[str, float]] = {}
        ports = Ports(self._read, FakeAlphabet(), wanted)
        self.state = StreamState(StreamSettings(RunConfig.model_validate(config or {}), info, 0.5), ports)
        self.index = 0
        self.events: list[tuple[int, Event]] = [(0, event) for event in self.state.begin()]

    def _read(self, frame: Frame, quads: Sequence[FloatArray]) -> list[tuple[Reading, Image | None] | None]:
        told = [self.texts[quad.tobytes()] for quad in quads]
        return [(reading_of(text.strip(), sure), None) for text, sure in told]

    def looks(self, looks: Sequence[Look]) -> Play:
        for look in looks:
            pts = self.index / 25 if look.s is None else look.s
            plates: Plates | None = None
            if look.found is not None:
                plates = plates_of([*look.found.values()], [look.score] * len(look.found))
                told = [(text, look.sure) for text in look.found]
                self.texts = dict(zip([quad.tobytes() for quad in plates.quad], told, strict=True))
            frame = Frame(self.index, pts, *look.size, part=look.part)
            self._note(self.state.step(frame, plates))
            self.index += 1
        return self

    def idle(self, now_s: float) -> Play:
        self._note(self.state.idle(now_s))
        return self

    def finish(self) -> Play:
        self._note(self.state.finish())
        return self

    def _note(self, events: list[Event]) -> None:
        self.events += [(self.index, event) for event in events]

    @property
    def told(self) -> list[tuple[Any, ...]]:
        return [(at, *brief(event)) for at, event in self.events]


def brief(event: Event) -> tuple[Any, ...]:
    """An event in a few words."""
    assert event.stream == "street"
    match event:
        case StreamOpened():
            return ("opened",)
        case StreamClosed():
            return ("closed",)
        case PassageFinal(passage=p):
            return ("final", p.plate, p.track_id, p.first_frame, p.last_frame)
        case PassageProvisional(passage=p, revision=revision):
            return ("provisional", p.plate, revision)
        case PassageWithdrawn(passage=p, revision=revision):
            return ("withdrawn", p.plate, revision)
        case PassagesWaiting(passages=waiting):
            return ("waiting", [p.plate for p in waiting])
        case TrackRejected(rejection=rejection):
            return ("rejected", rejection.reason, rejection.first_frame, rejection.last_frame)
        case FrameSeen():
            return ("frame", event.frame.index, [t.text for t in event.tracks])
    raise AssertionError(event)


ENDS = 18  # frames until a track that is not seen any more ends: track.max_gap_s


@pytest.mark.parametrize(
    ("looks", "config", "expected"),
    [
        pytest.param([], {}, [(0, "opened"), (0, "closed")], id="no frame"),
        pytest.param([NOTHING] * 3, {}, [(0, "opened"), (3, "closed")], id="empty"),
        pytest.param(
            one("GRN777", 10),
            {},
            [(0, "opened"), (10, "final", "GRN777", 1, 0, 9), (10, "closed")],
            id="a plate that is there at the end",
        ),
        pytest.param(
            [*one("GRN777", 10), *[NOTHING] * 30],
            AT_ONCE,
            [(0, "opened"), (10 + ENDS - 1, "final", "GRN777", 1, 0, 9), (40, "closed")],
            id="a plate that left",
        ),
        pytest.param(
            [*one("GRN777", 10), *[NOTHING] * 30],
            {"vote": {"rejoin_s": 1}},
            [(0, "opened"), (9 + 26, "final", "GRN777", 1, 0, 9), (40, "closed")],
            id="it might come back",
        ),
        pytest.param(
            [Look({"GRN777": LEFT, "RED1": RIGHT})] * 6,
            {},
            [(0, "opened"), (6, "final", "GRN777", 1, 0, 5), (6, "final", "RED1", 2, 0, 5), (6, "closed")],
            id="two plates",
        ),
        pytest.param(
            [*one("GRN777", 10), *[NOTHING] * 30, *one("GRN777", 10, RIGHT)],
            {},
            [(0, "opened"), (50, "final", "GRN777", 1, 0, 49), (50, "closed")],
            id="it came back: one passage of two tracks",
        ),
        pytest.param(
            [*one("GRN777", 10, step=0), *[NOTHING] * 20, *one("GRN778", 10, step=0, sure=0.97)],
            {},
            [(0, "opened"), (40, "final", "GRN777", 1, 0, 39), (40, "closed")],
            id="a split track, misread in one half",
        ),
        pytest.param(
            [*one("GRN777", 10), *one("RED1", 10, (60.0, 80.0, 108.0, 96.0))],
            {"read": {"confirm_s": 0.04}},
            [(0, "opened"), (20, "final", "GRN777", 1, 0, 9), (20, "final", "RED1", 2, 10, 19), (20, "closed")],
            id="the next vehicle in its place",
        ),
        pytest.param(
            [*one("GRN777", 10), *one("RED1", 10, part=1)],
            {},
            [(0, "opened"), (20, "final", "GRN777", 1, 0, 9), (20, "final", "RED1", 2, 10, 19), (20, "closed")],
            id="a seam between recordings",
        ),
        pytest.param(
            [*one("GRN777", 10, step=0), *one("GRN778", 10, step=0, sure=0.97, part=1)],
            {},
            [(0, "opened"), (20, "final", "GRN777", 1, 0, 9), (20, "final", "GRN778", 2, 10, 19), (20, "closed")],
            id="no split track over a seam",
        ),
        pytest.param(
            [*one("GRN777", 10), *one("GRN777", 10, size=(160, 90))],
            AT_ONCE,
            [(0, "opened"), (10, "final", "GRN777", 1, 0, 9), (20, "final", "GRN777", 2, 10, 19), (20, "closed")],
            id="a picture of another size",
        ),
        pytest.param(
            [*one("GRN777", 1), *[NOTHING] * 10],
            {},
            [(0, "opened"), (7, "rejected", "seen too rarely", 0, 0), (11, "closed")],
            id="a flicker",
        ),
        pytest.param(
            one("GRN777", 6, (40.0, 80.0, 60.0, 87.0), step=0),
            {},
            [(0, "opened"), (6, "rejected", "too small to read", 0, 5), (6, "closed")],
            id="too small",
        ),
        pytest.param(
            one(" ", 6),
            {},
            [(0, "opened"), (6, "rejected", "nothing legible", 0, 5), (6, "closed")],
            id="no text",
        ),
        pytest.param(
            [*one("GRN777", 1), *one("GRN777", 15, score=0.3)],
            {"track": {"birth_hits": 1}},
            [(0, "opened"), (16, "rejected", "found too weakly", 0, 15), (16, "closed")],
            id="hardly ever found surely",
        ),
        pytest.param(
            one("GRN777", 6),
            {"vote": {"min_reads": 100}},
            [(0, "opened"), (6, "rejected", "read too rarely", 0, 5), (6, "closed")],
            id="read too rarely",
        ),
        pytest.param(
            one("GRN777", 6, sure=0.7),
            {"vote": {"min_confidence": 0.99}},
            [(0, "opened"), (6, "rejected", "not sure enough", 0, 5), (6, "closed")],
            id="not sure enough",
        ),
    ],
)
def test_events_of_a_recording(looks: list[Look], config: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    play = Play(config).looks(looks).finish()
    assert play.told == expected
    summary = play.state.summary
    rejected = sum(summary.rejected.values())
    assert summary.tracks + summary.rejected.get("seen too rarely", 0) == summary.passages + summary.joined + rejected
    assert (summary.frames, summary.waiting) == (len(looks), 0)


def test_one_picture_needs_one_look() -> None:
    still = StreamInfo("street", 320, 180, still=True)
    assert Play(info=still).looks(one("GRN777", 1)).finish().told == [
        (0, "opened"),
        (1, "final", "GRN777", 1, 0, 0),
        (1, "closed"),
    ]


def test_a_text_is_provisional_until_it_is_final() -> None:
    play = Play(AT_ONCE, wanted=Wanted(provisional=True)).looks([*one("GRN777", 6), *[NOTHING] * 20]).finish()
    assert play.told == [
        (0, "opened"),
        (2, "provisional", "GRN777", 1),
        (6 + ENDS - 1, "final", "GRN777", 1, 0, 5),
        (26, "closed"),
    ]
    provisional, final = (event for _, event in play.events if isinstance(event, PassageProvisional | PassageFinal))
    assert provisional.passage.event_id == final.passage.event_id


def test_rows_carry_their_distributions_where_they_are_wanted() -> None:
    def last(wanted: Wanted) -> Posterior | None:
        play = Play(AT_ONCE, wanted=wanted).looks([*one("GRN777", 6), *[NOTHING] * 20]).finish()
        return next(event.passage.posterior for _, event in play.events if isinstance(event, PassageFinal))

    places = last(Wanted(posteriors=True))
    assert places is not None
    assert [place[0][0] for place in places] == [*"GRN777", ""]
    assert last(Wanted()) is None


def test_a_provisional_text_that_makes_no_row_is_withdrawn() -> None:
    config = {"vote": {"min_confidence": 0.6}, "read": {"every": 1, "confirm_s": 0.001}}
    doubtful = [Look({text: LEFT}) for text in ["GRN777"] * 4 + ["777NRG", "GRN777"] * 20]
    play = Play(config, wanted=Wanted(provisional=True)).looks(doubtful).finish()
    withdrawn = [told for told in play.told if told[1] == "withdrawn"]
    provisional = [told for told in play.told if told[1] == "provisional"]
    assert withdrawn == [(44, "withdrawn", provisional[-1][2], len(provisional) + 1)]
    assert not [told for told in play.told if told[1] == "final"]


def test_time_without_frames() -> None:
    play = Play({"vote": {"rejoin_s": 5}}, CAMERA).looks(one("GRN777", 10))
    assert play.idle(0.9).told == [(0, "opened")]
    assert play.state.summary.waiting == 1
    play.idle(2.0)
    assert play.told == [(0, "opened")]  # the track ended, its row waits
    play.idle(5.3).idle(5.5).idle(9.0)
    assert play.told == [(0, "opened"), (10, "final", "GRN777", 1, 0, 9)]
    assert play.state.summary.waiting == 0
    assert play.finish().told[2:] == [(10, "closed")]


def test_waiting_rows_of_a_camera() -> None:
    looks = [*one("GRN777", 10), *[NOTHING] * 90, *one("RED1", 10, RIGHT), *[NOTHING] * 20]
    waits = Wanted(waiting=True)
    assert Play({"vote": {"rejoin_s": 3}}, CAMERA, waits).looks(looks).finish().told == [
        (0, "opened"),
        (0, "waiting", []),
        (9 + ENDS, "waiting", ["GRN777"]),
        (85, "final", "GRN777", 1, 0, 9),
        (85, "waiting", []),
        (109 + ENDS, "waiting", ["RED1"]),
        (130, "final", "RED1", 2, 100, 109),
        (130, "waiting", []),
        (130, "closed"),
    ]
    recording = Play({"vote": {"rejoin_s": 3}}, FILE, waits).looks(looks).finish()
    assert "waiting" not in {kind for _, kind, *_ in recording.told}


def test_zones() -> None:
    lane = {"lane": {"polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}
    play = Play({"zones": lane}, wanted=Wanted(frames=True)).looks([Look({"GRN777": LEFT, "RED1": RIGHT})] * 4)
    (final,) = (event for _, event in play.finish().events if isinstance(event, PassageFinal))
    assert (final.passage.plate, final.passage.zone) == ("GRN777", "lane")
    seen = [event for _, event in play.events if isinstance(event, FrameSeen)]
    assert [(len(event.found or ()), len(event.kept), len(event.tracks)) for event in seen][1:] == [(2, 1, 1)] * 3
    assert play.state.summary.outside == 4


def test_lines() -> None:
    middle = {"middle": {"start": [0.5, 0], "end": [0.5, 1]}}
    across = (140.0, 80.0, 170.0, 96.0)
    there, back = one("GRN777", 10, across), one("GRN777", 9, (158.0, 80.0, 188.0, 96.0), step=-2)
    play = Play({"lines": middle}).looks([*there, *back]).finish()
    (final,) = (event for _, event in play.events if isinstance(event, PassageFinal))
    assert final.passage.crossed == ("middle-", "middle+")


def test_frames_for_those_who_draw() -> None:
    looks = [NOTHING, *one("GRN777", 4), Look(None), Look(None)]
    play = Play(wanted=Wanted(frames=True)).looks(looks)
    assert play.told == [
        (0, "opened"),
        (0, "frame", 0, []),
        (1, "frame", 1, []),  # one hit is no track yet
        *[(k, "frame", k, ["GRN777"]) for k in (2, 3, 4, 5, 6)],
    ]
    views = [event.tracks for _, event in play.events if isinstance(event, FrameSeen) and event.found is None]
    assert [round(float(tracks[0].box_xyxy[0])) for tracks in views] == [48, 50]  # where it should be by now
    assert (play.state.summary.frames, play.state.summary.passed_over) == (7, 2)


def test_readings_for_those_who_keep_them() -> None:
    play = Play(wanted=Wanted(readings=True)).looks([Look({"GRN777": LEFT, "RED1": RIGHT})] * 2 + [Look(None)])
    seen = [event for _, event in play.events if isinstance(event, FrameSeen)]
    assert [{row: reading.text for row, reading in event.readings.items()} for event in seen] == [
        {},
        {0: "GRN777", 1: "RED1"},
    ]


def test_the_detector_runs_less_often_where_nothing_happens() -> None:
    play = Play({"cadence": "auto"})
    ran = []
    for index in range(12):
        frame = Frame(index, index / 25, 320, 180, bgr=None)
        wanted = play.state.needs_detection(frame)
        ran.append(wanted)
        play.looks([NOTHING if wanted else Look(None)])
    assert ran[0]
    assert 2 <= sum(ran) <= 6
    every = Play()
    assert all(every.state.needs_detection(Frame(index, index / 25, 320, 180)) for index in range(5))


def test_relief_under_overload() -> None:
    play = Play()
    frames = [Frame(index, index / 25, 320, 180) for index in range(30)]
    play.state.relief = Relief(cadence=True)
    assert 2 <= sum(play.state.needs_detection(frame) for frame in frames[:10]) <= 6
    play.state.relief = Relief(cadence=True, paused=True)
    assert not any(play.state.needs_detection(frame) for frame in frames[10:20])
    play.state.relief = NO_RELIEF
    assert all(play.state.needs_detection(frame) for frame in frames[20:])


def test_numbers_go_on_from_stream_to_stream() -> None:
    first = Play().looks(one("GRN777", 4)).finish()
    assert first.state.next_id == 2
    settings = StreamSettings(RunConfig(camera="gate"), FILE, 0.5, first_id=first.state.next_id)
    assert StreamState(settings, Ports(first._read, FakeAlphabet())).next_id == 2
    assert settings.camera == "gate"


def test_states_share_nothing() -> None:
    """Two streams in turns are what each is alone."""
    here, there = one("GRN777", 12), one("RED1", 12, RIGHT)
    plays = Play(AT_ONCE, CAMERA), Play(AT_ONCE, CAMERA)
    for a, b in zip(here, there, strict=True):
        plays[0].looks([a])
        plays[1].looks([b])
    alone = [Play(AT_ONCE, CAMERA).looks(looks).finish().told for looks in (here, there)]
    assert [play.finish().told for play in plays] == alone
