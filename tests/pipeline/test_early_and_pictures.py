"""Rows before they are final, pictures of plates, lines, and tracks frame by frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import pytest
from click.testing import CliRunner
from streamkit import FakeDetector, FakeReader, drive

from streamer.cli import cli
from streamer.config.models import RunConfig
from streamer.pipeline.runner import run_stream
from streamer.sink.crops import CropSink
from streamer.sink.jsonl import JsonlSink
from streamer.sink.mot import MotSink
from streamer.sink.sink import BaseSink
from streamer.sink.snapshots import SnapshotSink
from streamer.source.source import StreamInfo
from streamer.types import Frame, Passage

DEMO = Path(__file__).parents[1] / "clips" / "demo.mp4"


class Drive:
    """The stand-in street as a source."""

    name, live = "drive", False

    def __init__(self, count: int = 40) -> None:
        self.warnings: list[str] = []
        self._count = count

    def open(self) -> StreamInfo:
        return StreamInfo(self.name, 320, 180)

    def frames(self) -> Any:
        return (Frame(i, i / 25, 320, 180, bgr=p) for i, p in enumerate(drive(self._count)))

    def close(self) -> None: ...


class Told(BaseSink):
    def __init__(self) -> None:
        self.early: list[tuple[Passage, bool]] = []
        self.final: list[Passage] = []

    def provisional(self, passage: Passage, *, withdrawn: bool = False) -> None:
        self.early.append((passage, withdrawn))

    def passage(self, passage: Passage) -> None:
        self.final.append(passage)


def run(*sinks: Any, config: dict[str, Any] | None = None, count: int = 40) -> None:
    settings = RunConfig.model_validate(config or {})
    run_stream(Drive(count), list(sinks), settings, detector=FakeDetector(), reader=FakeReader())


def test_every_final_row_was_told_before_under_its_id() -> None:
    told = Told()
    run(told)
    assert told.final
    first = {p.event_id: p for p, withdrawn in reversed(told.early) if not withdrawn}
    for passage in told.final:
        early = first[passage.event_id]
        assert early.plate == passage.plate
        assert early.last_frame < passage.last_frame
    assert not any(withdrawn for _, withdrawn in told.early)


def test_a_text_is_told_once() -> None:
    told = Told()
    run(told)
    seen = [(p.event_id, p.plate) for p, _ in told.early]
    assert len(seen) == len(set(seen))


def test_what_was_told_and_gives_no_row_is_taken_back() -> None:
    class Forgetful(FakeReader):
        """Sure at first, unsure for the rest of the time."""

        def __init__(self) -> None:
            self.count = 0

        def read(self, crops: Any) -> Any:
            from dataclasses import replace

            self.count += len(crops)
            found = [replace(r, slot_probs=None) for r in super().read(crops)]
            if self.count <= 8:
                return found
            return [replace(r, text=r.text[::-1]) for r in found]

    told = Told()
    settings = RunConfig.model_validate({"vote": {"min_confidence": 0.6}, "read": {"every": 1, "confirm_s": 0.001}})
    run_stream(Drive(), [told], settings, detector=FakeDetector(), reader=Forgetful())
    kept = {p.event_id for p in told.final}
    taken = {p.event_id for p, withdrawn in told.early if withdrawn}
    assert {p.event_id for p, _ in told.early} == kept | taken
    assert not kept & taken


def test_jsonl_tells_early_only_where_asked(tmp_path: Path) -> None:
    run(JsonlSink(tmp_path / "late"), JsonlSink(tmp_path / "early", provisional=True))
    late, early = ([json.loads(x) for x in (tmp_path / n).read_text().splitlines()] for n in ("late", "early"))
    assert {r["status"] for r in late} == {"final"}
    assert {r["status"] for r in early} == {"provisional", "final"}
    assert [r for r in early if r["status"] == "final"] == late
    assert "crop" not in early[0]


def test_the_best_picture_of_every_plate(tmp_path: Path) -> None:
    told = Told()
    run(CropSink(tmp_path / "crops"), told)
    files = sorted(p.name for p in (tmp_path / "crops").iterdir())
    assert files == sorted(f"{p.event_id}.png" for p in told.final)
    picture = cv2.imread(str(tmp_path / "crops" / files[0]))
    assert picture.shape == (120, 320, 3)


def test_the_whole_frame_of_the_best_reading(tmp_path: Path) -> None:
    told = Told()
    run(SnapshotSink(tmp_path / "frames"), told)
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == sorted(f"{p.event_id}.jpg" for p in told.final)
    assert cv2.imread(str(next((tmp_path / "frames").iterdir()))).shape == (180, 320, 3)


def test_nobody_pays_for_pictures_that_nobody_wants() -> None:
    told = Told()
    run(told)
    assert all(p.crop is None and p.snapshot is None for p in told.final)


def test_tracks_frame_by_frame(tmp_path: Path) -> None:
    told = Told()
    run(MotSink(tmp_path / "tracks.txt"), told)
    rows = [line.split(",") for line in (tmp_path / "tracks.txt").read_text().splitlines()]
    assert {int(r[1]) for r in rows} >= {p.track_id for p in told.final}
    assert all(len(r) == 10 for r in rows)
    assert all(float(r[4]) > 0 and float(r[5]) > 0 for r in rows)
    assert min(int(r[0]) for r in rows) >= 1


def test_rows_tell_the_lines_that_were_crossed() -> None:
    told = Told()
    run(told, config={"lines": {"middle": {"start": [0.5, 0], "end": [0.5, 1]}}})
    assert {p.crossed for p in told.final} & {("middle+",), ("middle-",)}


def test_parts_of_joined_passages_are_named() -> None:
    from streamer.passages.merge import merge

    told = Told()
    run(told)
    a = told.final[0]
    from dataclasses import replace

    b = replace(a, event_id="later", first_s=a.last_s + 1, last_s=a.last_s + 2, crossed=("x+",))
    both = merge(b, a)
    assert (both.event_id, both.parts, both.crossed) == (a.event_id, ("later",), ("x+",))


def test_on_the_command_line(tmp_path: Path) -> None:
    out = {name: str(tmp_path / name) for name in ("rows.jsonl", "crops", "mot.txt")}
    arguments = ["run", str(DEMO), "--jsonl", out["rows.jsonl"], "--provisional", "--crops", out["crops"]]
    result = CliRunner().invoke(cli, [*arguments, "--mot", out["mot.txt"], "--rejoin", "0", "--quiet"])
    assert result.exit_code == 0, result.output
    rows = [json.loads(x) for x in Path(out["rows.jsonl"]).read_text(encoding="utf-8").splitlines()]
    final = [r for r in rows if r["status"] == "final"]
    assert final
    assert len(list(Path(out["crops"]).iterdir())) == len(final)
    assert Path(out["mot.txt"]).stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--provisional"], "--provisional"), (["--rejoin", "-1"], "--rejoin")],
)
def test_wrong_options_are_named(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["run", str(DEMO), *arguments])
    assert result.exit_code == 2
    assert message in str(result.exception or "") + result.output
