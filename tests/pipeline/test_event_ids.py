"""Ids of events: the same recording gives the same again, anything else gives others."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from streamkit import GREEN, SYMBOLS, FakeDetector, FakeReader, drive, write_video

from streamer.config.models import RunConfig
from streamer.pipeline.runner import run_stream
from streamer.replay.rerun import replay
from streamer.sink.record import RecordSink
from streamer.sink.sink import BaseSink
from streamer.source.file import VideoSource
from streamer.source.identity import file_identity
from streamer.source.paced import PacedSource
from streamer.source.recording import Networks, read_recording
from streamer.source.source import StreamInfo
from streamer.types import Passage

NETWORKS = Networks(0.5, SYMBOLS)


class Kept(BaseSink):
    def __init__(self) -> None:
        self.rows: list[Passage] = []
        self.info: list[StreamInfo] = []

    def begin(self, info: StreamInfo) -> None:
        self.info.append(info)

    def passage(self, passage: Passage) -> None:
        self.rows.append(passage)

    @property
    def ids(self) -> list[str]:
        return [row.event_id for row in self.rows]


def ids_of(source: object, *more: object, **options: object) -> list[str]:
    kept = Kept()
    config = RunConfig.model_validate({"vote": {"rejoin_s": 0}, **options})
    run_stream(source, [kept, *more], config, detector=FakeDetector(), reader=FakeReader())  # type: ignore
    assert kept.ids
    assert len(set(kept.ids)) == len(kept.ids)
    return kept.ids


def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two recordings of one name in which a vehicle drives alike."""
    (tmp_path / "mon").mkdir()
    (tmp_path / "tue").mkdir()
    monday = write_video(tmp_path / "mon/00.avi", drive(12))
    return monday, write_video(tmp_path / "tue/00.avi", drive(12, colour=GREEN))


def test_a_recording_gives_the_same_ids_again_and_another_of_its_name_gives_others(tmp_path: Path) -> None:
    monday, tuesday = folders(tmp_path)
    first = ids_of(monday)
    assert ids_of(monday) == first
    assert ids_of(monday.parent) == first  # where it lies within what was given is the same
    assert not set(ids_of(tuesday)) & set(first)
    shutil.copy(monday, monday.with_name("01.avi"))
    both = ids_of(monday.parent)
    assert both[:1] == first
    assert len(set(both)) == 2


def test_what_is_read_twice_in_one_run_has_two_ids(tmp_path: Path) -> None:
    monday, _ = folders(tmp_path)
    assert len(ids_of([VideoSource(monday), VideoSource(monday)], camera="gate")) == 2


def test_two_runs_of_a_camera_share_no_id(tmp_path: Path) -> None:
    monday, _ = folders(tmp_path)
    played = [ids_of(PacedSource(VideoSource(monday), speed=20), camera="gate") for _ in range(2)]
    assert not set(played[0]) & set(played[1])


def test_each_round_of_a_loop_has_ids_of_its_own(tmp_path: Path) -> None:
    monday, _ = folders(tmp_path)
    stop = threading.Event()

    class Enough(BaseSink):
        rows = 0

        def passage(self, passage: Passage) -> None:
            self.rows += 1
            if self.rows == 2:
                stop.set()

    kept = Kept()
    source = PacedSource(VideoSource(monday), loop=True, speed=20)
    config = RunConfig.model_validate({"vote": {"rejoin_s": 0}})
    run_stream(source, [kept, Enough()], config, detector=FakeDetector(), reader=FakeReader(), stop=stop)
    assert len(set(kept.ids)) == len(kept.ids) >= 2


def test_a_replay_gives_the_ids_of_its_run_also_of_a_camera(tmp_path: Path) -> None:
    monday, _ = folders(tmp_path)
    file = tmp_path / "said.jsonl.gz"
    for source in (VideoSource(monday), PacedSource(VideoSource(monday), speed=5)):
        recorded = ids_of(source, RecordSink(file, NETWORKS), camera="gate")
        kept = Kept()
        replay(read_recording(file), [kept], RunConfig.model_validate({"vote": {"rejoin_s": 0}}))
        assert kept.ids == recorded
        assert kept.rows[0].source == str(monday)


def test_identity_is_the_size_and_both_ends(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    base = bytearray(2_500_000)
    seen = set()
    for change in (None, 0, 999_999, 2_499_999):
        data = base.copy()
        if change is not None:
            data[change] = 1
        file.write_bytes(data)
        seen.add(file_identity(file, "a.mp4"))
    file.write_bytes(base + b"\0")
    seen.add(file_identity(file, "a.mp4"))
    seen.add(file_identity(file, "mon/a.mp4"))
    assert len(seen) == 6
    assert file_identity(tmp_path / "none.mp4", "none.mp4") == ""
