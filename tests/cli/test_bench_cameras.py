"""`alpr bench stream --streams` and `--most`."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamkit import alpr, drive, write_video

from streamer.cli import bench_cameras


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

    def row(sources: object, config: object, engines: object, count: int) -> float:
        counts.append(count)
        return 0.0 if count <= most else 0.5

    monkeypatch.setattr(bench_cameras, "_print_row", row)
    assert alpr("bench", "stream", clip, "--most") == 0
    found = int(capsys.readouterr().out.splitlines()[-1].split()[1])
    assert measured is None or counts == measured
    assert found == fits or (fits is None and most - found <= 2)


def test_several_files_are_for_cameras(clip: Path) -> None:
    assert alpr("bench", "stream", clip, clip) == 2
