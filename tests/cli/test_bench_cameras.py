"""`alpr bench stream --streams` and `--most`."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamkit import alpr, drive, write_video

from streamer.cli import bench_cameras
from streamer.cli.bench_cameras import Row
from streamer.config.models import RunConfig


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in (("_CAMERA_S", 0.4), ("_WARM_S", 0.3), ("_LEARNS_S", -4.0), ("_PHASE_S", 0.0)):
        monkeypatch.setattr(bench_cameras, name, value)
    return write_video(tmp_path / "a.mkv", drive(50), codec="libx264", options={"g": "25"})


def test_a_row_for_a_number_of_cameras(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("bench", "stream", clip, clip, "--streams", "3") == 0
    head, row = capsys.readouterr().out.splitlines()[-2:]
    assert head.split()[0] == "cameras"
    assert row.split()[0] == "3"
    assert len(row.split()) == 9


@pytest.mark.parametrize(
    ("most", "measured", "fits"), [(5, [1, 2, 4, 8, 6, 5], 5), (0, [1], 0), (1, [1, 2], 1), (40, None, None)]
)
def test_the_most_cameras_are_found(
    most: int,
    measured: list[int] | None,
    fits: int | None,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts: list[int] = []

    def row(sources: object, config: RunConfig, engines: object, count: int) -> Row:
        if config.live.sleep == "never":
            return Row(0.0, 0.0, 0.2)
        counts.append(count)
        return Row(0.0 if count <= most else 0.5, 0.0, 0.2)

    monkeypatch.setattr(bench_cameras, "_print_row", row)
    assert alpr("bench", "stream", clip, "--most") == 0
    out = capsys.readouterr().out
    found = int(next(line for line in out.splitlines() if line.startswith("most")).split()[1])
    assert measured is None or counts == measured
    assert found == fits or (fits is None and most - found <= 2)


@pytest.mark.parametrize(
    ("rows", "cost", "model"),
    [
        # asleep: (0.03 - 0.1 * 0.2) / 0.9 of a core; awake a sixth of the time when a vehicle passes
        ([Row(0.0, 0.5, 0.1), Row(0.0, 0.9, 0.03)], "awake 0.200 of a core, asleep 0.011", (7, 35, 134)),
        ([Row(0.0, 0.3, 0.1)], "awake 0.200 of a core", (7,)),
    ],
)
def test_what_the_rows_say_of_other_cameras(
    rows: list[Row],
    cost: str,
    model: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bench_cameras, "_print_row", lambda *_: Row(0.0, 0.0, 0.2))
    monkeypatch.setattr("streamer.engine.runtime.available_cores", lambda: 2)
    bench_cameras._print_model([], RunConfig(), None, rows)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert cost in out
    kinds = ("busy", "mixed", "quiet")
    assert ", ".join(f"{n} {kind}" for n, kind in zip(model, kinds, strict=False)) in out.splitlines()[-1]


def test_several_files_are_for_cameras(clip: Path) -> None:
    assert alpr("bench", "stream", clip, clip) == 2
