"""Plates that are hidden in what a run writes: all of them, or those that no list reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamer.config.models import RunConfig
from streamer.image.warp import to_bgr
from streamer.pipeline.engines import Engines
from streamer.pipeline.hiding import Hiding
from streamer.pipeline.runner import run_stream
from streamer.pipeline.site import run_site
from streamer.sink.events import Event, FrameSeen, PassageFinal, TrackRejected, TrackView, WatchHit
from streamer.sink.sink import BaseSink, Wants
from streamer.testing import (
    BLUE,
    GREEN,
    FakeCamera,
    FakeDetector,
    FakeReader,
    passage_of,
    plates_of,
    scene,
    write_video,
)
from streamer.types import Frame, Image, Passage, Plates, Rejection, WatchMatch

COUNT, WIDTH, HEIGHT = 40, 64, 16


def street() -> list[Image]:
    """Two plates with strokes: a green one above, a blue one below."""
    pictures = []
    for k in range(COUNT):
        picture = scene(400, 200, (10 + 7 * k, 40, GREEN), (300 - 6 * k, 130, BLUE), size=(WIDTH, HEIGHT))
        for x, y, dark in ((10 + 7 * k, 40, (8, 120, 8)), (300 - 6 * k, 130, (120, 8, 8))):
            for at in range(x + 2, x + WIDTH - 2, 6):
                picture[y + 3 : y + 13, at : at + 3] = dark
        pictures.append(picture)
    return pictures


def strokes(picture: Image, box: Sequence[float], wide: int = 1) -> float:
    """How strong the strokes in a box are, of edges so many pixels wide."""
    x1, y1, x2, y2 = (round(v) for v in box)
    part = picture[y1 + 3 : y2 - 3, max(x1, 0) + 2 : x2 - 2].astype(float).max(axis=2)
    return float(np.abs(part[:, wide:] - part[:, :-wide]).max())


CLEAR, HIDDEN = 40.0, 15.0


class Kept(BaseSink):
    """Keeps frames with their tracks, and passages with their pictures."""

    wants_crops = wants_snapshots = True

    def __init__(self) -> None:
        self.frames: list[tuple[Image, list[TrackView]]] = []
        self.passages: dict[str, Passage] = {}
        self.hits: list[WatchHit] = []

    def frame(self, frame: Frame, plates: Plates, tracks: Sequence[TrackView]) -> None:
        self.frames.append((to_bgr(frame), list(tracks)))

    def passage(self, passage: Passage) -> None:
        self.passages[passage.plate] = passage

    def watched(self, hit: WatchHit) -> None:
        self.hits.append(hit)


def config_of(tmp_path: Path, **more: Any) -> RunConfig:
    (tmp_path / "ours.txt").write_text("GRN-777\n", encoding="utf-8")
    return RunConfig.model_validate({"watch": [{"name": "ours", "file": str(tmp_path / "ours.txt")}]} | more)


def run(tmp_path: Path, **more: Any) -> Kept:
    sink = Kept()
    run_stream(FakeCamera(street()), [sink], config_of(tmp_path, **more), detector=FakeDetector(), reader=FakeReader())
    return sink


def boxes_of(k: int) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int]]:
    green, blue = 10 + 7 * k, 300 - 6 * k
    return (green, 40, green + WIDTH, 56), (blue, 130, blue + WIDTH, 146)


def snapshot(passage: Passage) -> Image:
    assert passage.snapshot is not None
    return cv2.imdecode(np.frombuffer(passage.snapshot, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]


def crop_strokes(passage: Passage) -> float:
    assert passage.crop is not None
    return strokes(passage.crop, (60, 35, 260, 85), wide=8)


def test_nothing_is_hidden_unless_asked(tmp_path: Path) -> None:
    kept = run(tmp_path)
    assert all(strokes(picture, box) > CLEAR for k, (picture, _) in enumerate(kept.frames) for box in boxes_of(k))
    assert all(crop_strokes(one) > CLEAR for one in kept.passages.values())


def test_all_plates_are_hidden_in_frames_crops_and_snapshots(tmp_path: Path) -> None:
    kept, plain = run(tmp_path, blur="plates"), run(tmp_path)
    assert {*kept.passages} == {"GRN777", "皖A12345"} == {*plain.passages}
    assert len(kept.frames) == COUNT
    for k, ((picture, tracks), (before, _)) in enumerate(zip(kept.frames, plain.frames, strict=True)):
        assert all(strokes(picture, box) < HIDDEN for box in boxes_of(k))
        assert [track.text for track in tracks] == [""] * len(tracks)
        outside = np.ones(picture.shape[:2], bool)
        for x1, y1, x2, y2 in boxes_of(k):
            outside[y1 - 8 : y2 + 8, max(x1 - 10, 0) : x2 + 10] = False
        np.testing.assert_array_equal(picture[outside], before[outside])
    for one in kept.passages.values():
        assert crop_strokes(one) < HIDDEN
        assert all(strokes(snapshot(one), box) < HIDDEN for box in boxes_of(one.best_frame))


def test_others_are_hidden_until_a_list_reports_them(tmp_path: Path) -> None:
    kept = run(tmp_path, blur="others")
    states = [
        (strokes(p, boxes_of(k)[0]) > CLEAR, strokes(p, boxes_of(k)[1]) > CLEAR) for k, (p, _) in enumerate(kept.frames)
    ]
    since = states.index((True, False))
    assert 0 < since < 10
    assert states == [(False, False)] * since + [(True, False)] * (COUNT - since)
    assert {t.text for _, tracks in kept.frames[since:] for t in tracks} == {"GRN777", ""}
    green, blue = kept.passages["GRN777"], kept.passages["皖A12345"]
    assert (crop_strokes(green) > CLEAR, crop_strokes(blue) < HIDDEN) == (True, True)
    assert [strokes(snapshot(green), box) > CLEAR for box in boxes_of(green.best_frame)] == [True, False]
    assert [strokes(snapshot(blue), box) > CLEAR for box in boxes_of(blue.best_frame)][1] is False
    assert kept.hits
    assert all(crop_strokes(hit.passage) > CLEAR for hit in kept.hits)


def test_others_are_all_where_there_is_no_list(tmp_path: Path) -> None:
    sink = Kept()
    config = RunConfig(blur="others")
    run_stream(FakeCamera(street()), [sink], config, detector=FakeDetector(), reader=FakeReader())
    assert all(strokes(picture, box) < HIDDEN for k, (picture, _) in enumerate(sink.frames) for box in boxes_of(k))


def test_each_camera_has_its_own_setting(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", street())
    cameras = {"gate": {"url": str(tmp_path / "a.avi"), "blur": "plates"}, "yard": {"url": str(tmp_path / "a.avi")}}
    seen: dict[str, list[float]] = {"gate": [], "yard": []}

    class ByCamera(BaseSink):
        needs_frames = True

        def write(self, event: Event) -> None:
            if isinstance(event, FrameSeen) and event.found is not None and len(event.found):
                wide = max(event.found.box_xyxy, key=lambda box: box[2] - box[0])
                seen[event.stream].append(strokes(to_bgr(event.frame), wide))

    config = RunConfig.model_validate({"cameras": cameras})
    run_site(config, [ByCamera()], engines=Engines(FakeDetector(), FakeReader(), 0.5))
    assert seen["gate"]
    assert seen["yard"]
    assert max(seen["gate"]) < HIDDEN + 10 < np.median(seen["yard"])


def seen(found: Plates | None, tracks: Sequence[TrackView] = (), missed: Sequence[TrackView] = ()) -> FrameSeen:
    frame = Frame(0, 0.0, 400, 200, bgr=street()[0])
    return FrameSeen("gate", frame, found, Plates.empty(), {}, tuple(tracks), tuple(missed))


def picture_of(event: Event) -> Image:
    assert isinstance(event, FrameSeen)
    return to_bgr(event.frame)


def test_a_track_that_was_not_found_in_a_frame_is_hidden_where_it_is_expected() -> None:
    green, blue = boxes_of(0)
    quads = plates_of([green, blue]).quad
    views = [
        TrackView(k, np.array(box, float), quad, "X", 0.9)
        for k, box, quad in zip((1, 2), boxes_of(0), quads, strict=True)
    ]
    for event in (seen(None, views), seen(Plates.empty(), missed=views), seen(plates_of([green]), missed=views[1:])):
        picture = picture_of(Hiding("plates").apply(event))
        assert [strokes(picture, box) < HIDDEN for box in (green, blue)] == [True, True]


def test_a_report_that_is_withdrawn_hides_the_track_again() -> None:
    hiding, (green, blue) = Hiding("others"), boxes_of(0)
    match = WatchMatch("ours", "watch", "GRN777", "exact")
    view = TrackView(1, np.array(green, float), plates_of([green]).quad[0], "GRN777", 0.9)
    passage = passage_of(track_id=1, crop=street()[0][30:66, 0:96].copy(), snapshot=None)
    event = seen(plates_of([green, blue]), [view])
    shown = []
    for status in ("provisional", "withdrawn", "final"):
        hit = hiding.apply(WatchHit("gate", match, passage, status))
        assert isinstance(hit, WatchHit)
        assert hit.passage.crop is not None
        shown.append(strokes(hit.passage.crop, (10, 10, 74, 26)) > CLEAR)
        shown.append(strokes(picture_of(hiding.apply(event)), green) > CLEAR)
        assert strokes(picture_of(hiding.apply(event)), blue) < HIDDEN
    assert shown == [True, True, False, False, True, True]


@pytest.mark.parametrize("what", ["plates", "others"])
def test_pictures_of_tracks_without_a_row_are_not_kept(what: Any) -> None:
    rejection = Rejection(
        "gate", 1, "read too rarely", None, 1, 2, "AB1", 0.4, 0, 9, 4, 0.0, 0.4, None, (0, 0, 9, 9), 0.5, 5, 1,
        crop=np.zeros((48, 128, 3), np.uint8),
    )  # fmt: skip
    event = Hiding(what).apply(TrackRejected("gate", rejection))
    assert isinstance(event, TrackRejected)
    assert event.rejection.crop is None
    row = passage_of(crop=None, snapshot=None)
    assert Hiding(what).apply(PassageFinal("gate", row)) == PassageFinal("gate", row)
    assert Wants().matches(PassageFinal("gate", row))
