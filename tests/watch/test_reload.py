"""Lists that are read again while a run goes on."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from streamer.errors import ConfigError
from streamer.watch.reload import ListFile


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def texts(file: ListFile) -> list[str]:
    return [entry.text for entry in file.current().entries]


def write(path: Path, content: str, mtime: float | None = None) -> None:
    path.write_text(content, encoding="utf-8")
    if mtime is not None:
        os.utime(path, (mtime, mtime))


def test_a_changed_file_is_read_again_at_most_once_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.txt", Clock()
    write(path, "A1\n")
    file = ListFile(path, clock=clock)
    write(path, "A1\nB2\n")
    assert texts(file) == ["A1"]
    clock.now = 1.0
    assert texts(file) == ["A1", "B2"]
    assert file.version == 2
    clock.now = 2.0
    assert texts(file) == ["A1", "B2"]
    assert file.version == 2


def test_a_file_rewritten_within_the_resolution_of_its_time_stamp(tmp_path: Path) -> None:
    path, clock, wall = tmp_path / "a.txt", Clock(), Clock()
    write(path, "A1\n", 1000.0)
    wall.now = 1001.0
    file = ListFile(path, clock=clock, wall=wall)
    write(path, "B2\n", 1000.0)
    clock.now = 1.0
    assert texts(file) == ["B2"]
    wall.now = clock.now = 1100.0  # from then on the stamp is enough
    write(path, "C3\n", 1000.0)
    assert texts(file) == ["B2"]


def test_a_broken_file_leaves_the_plates_in_force(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path, clock = tmp_path / "a.csv", Clock()
    write(path, "plate\nA1\n")
    file = ListFile(path, clock=clock)
    write(path, "plate\nA!\nB!\n")
    for clock.now in (1.0, 2.0, 3.0):
        assert texts(file) == ["A1"]
    assert len(caplog.records) == 1
    assert caplog.messages[0].startswith(f"{path}:2: plate: 'A!': no plate has !")
    assert caplog.messages[0].endswith("(and more); the 1 plates read before stay in force")
    path.unlink()
    clock.now = 4.0
    assert texts(file) == ["A1"]
    assert "no such list" in caplog.messages[1]
    write(path, "plate\nA1\n")
    clock.now = 5.0
    assert texts(file) == ["A1"]
    assert caplog.messages[2] == f"{path}: is as it was before"
    write(path, "plate\nB2\nb-2\n")
    clock.now = 6.0
    assert texts(file) == ["B2"]
    assert caplog.messages[3] == f"{path}: read again, 1 plates"
    assert "is the same plate as 'B2'" in file.plates.warnings[0]


def test_the_first_reading_fails(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such list"):
        ListFile(tmp_path / "none.txt")
