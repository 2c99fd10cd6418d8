"""Many sources in one run, and outputs that would be written over what is read or over what was written before."""

from __future__ import annotations

import csv
import gzip
import os
import shutil
from pathlib import Path

import pytest
from streamkit import GREEN, alpr, drive, write_video

pytestmark = pytest.mark.usefixtures("fake_networks")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mon/00.avi, tue/00.avi and tue/01.avi."""
    monkeypatch.chdir(tmp_path)
    for name, colour in (("mon/00.avi", (200, 40, 40)), ("tue/00.avi", GREEN), ("tue/01.avi", GREEN)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_video(tmp_path / name, drive(12, colour=colour))
    return tmp_path


@pytest.mark.parametrize(
    ("given", "cameras"),
    [
        (["mon/00.avi", "tue"], ["mon/00.avi", "tue/00.avi", "01.avi"]),
        (["tue/01.avi", "mon"], ["01.avi", "00.avi"]),
        (["*/00.avi"], ["mon/00.avi", "tue/00.avi"]),
        (["mon/00.avi", "./mon/00.avi", "mon", "mon/*.avi"], ["00.avi"]),
    ],
)
def test_many_sources_are_one_run(archive: Path, given: list[str], cameras: list[str]) -> None:
    assert alpr("run", *given, "--csv", "p.csv", "--quiet") == 0
    found = rows(archive / "p.csv")
    assert [row["camera"] for row in found] == cameras
    assert len({row["event_id"] for row in found}) == len(cameras)


def test_a_name_in_brackets_is_no_pattern(archive: Path) -> None:
    shutil.copy("mon/00.avi", "gate[1].avi")
    assert alpr("run", "gate[1].avi", "--csv", "p.csv", "--quiet") == 0
    assert [row["camera"] for row in rows(archive / "p.csv")] == ["gate[1].avi"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["mon/00.avi", "*.mkv"], 3, "*.mkv: no file matches"),
        (["mon/00.avi", "nope.avi"], 3, "nope.avi: no such file"),
        (["mon/00.avi", "rtsp://127.0.0.1:9/x"], 2, "a camera has no end"),
        (["mon", "tue", "--video", "v.mp4"], 2, "names one file but there are 3 sources"),
        (["mon", "tue", "--mot", "m.txt"], 2, "is for one SOURCE"),
        (["mon", "tue", "--start-time", "2026-01-01T00:00:00Z"], 2, "start time"),
    ],
)
def test_what_does_not_go_together(
    archive: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, told: str
) -> None:
    assert alpr("run", *arguments, "--csv", "p.csv") == code
    assert told.lower() in capsys.readouterr().err.lower().replace("--start-time", "start time")


@pytest.mark.parametrize("option", ["--csv", "--jsonl"])
@pytest.mark.parametrize("name", ["{camera}", "./{camera}", "x/../{camera}", "link-{camera}", "hard-{camera}"])
def test_no_template_leads_to_the_recording(archive: Path, option: str, name: str) -> None:
    clip = Path("mon/00.avi").rename("gate.avi")
    Path("link-gate.avi").symlink_to(clip)
    os.link(clip, "hard-gate.avi")
    before = clip.read_bytes()
    assert alpr("run", clip, option, name) == 2
    assert clip.read_bytes() == before


def test_nor_do_other_cases_settings_and_recordings(archive: Path) -> None:
    before = Path("mon/00.avi").read_bytes()
    assert alpr("run", "mon/00.avi", "--csv", "MON/../mon/00.AVI") == 2
    Path("c.yaml").write_text("vote: {rejoin_s: 0}\n")
    assert alpr("run", "mon/00.avi", "--config", "c.yaml", "--csv", "c.yaml") == 2
    assert alpr("run", "mon/00.avi", "--record", "said.gz", "--quiet") == 0
    said = Path("said.gz").read_bytes()
    os.link("said.gz", "other.gz")
    assert alpr("replay", "said.gz", "--csv", "other.gz") == 2
    assert alpr("replay", "said.gz", "--config", "c.yaml", "--csv", "c.yaml") == 2
    assert Path("said.gz").read_bytes() == said
    assert Path("mon/00.avi").read_bytes() == before


def test_what_a_camera_gave_before_survives_its_next_run(archive: Path) -> None:
    names = {"--video": "seen.mkv", "--record": "said.jsonl.gz", "--mot": "tracks.txt"}
    outputs = [word for pair in names.items() for word in pair]
    for _ in range(2):
        assert alpr("run", "mon/00.avi", "--realtime", *outputs, "--csv", "p.csv", "--quiet") == 0
    for first, second in (
        ("seen.mkv", "seen-2.mkv"),
        ("said.jsonl.gz", "said-2.jsonl.gz"),
        ("tracks.txt", "tracks-2.txt"),
    ):
        assert Path(first).stat().st_size > 50
        assert Path(second).stat().st_size > 50
    with gzip.open("said-2.jsonl.gz") as said:
        assert len(said.readlines()) > 10
    assert len(rows(archive / "p.csv")) == 2
    assert alpr("run", "mon/00.avi", "--realtime", *outputs, "--replace", "--quiet") == 0
    assert not Path("seen-3.mkv").exists()


def test_the_end_says_what_lies_where(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = ["--csv", "p.csv", "--video", "v.mp4", "--crops", "c", "--snapshots", "s/{camera}/{plate}.jpg"]
    assert alpr("run", "mon/00.avi", *outputs) == 0
    told = capsys.readouterr().err
    for line in ("1 row in p.csv", "0.4 s of video in v.mp4", "1 picture in c", "1 picture in s/{camera}/{plate}.jpg"):
        assert f"written: {line}\n" in told
    assert Path("s/00.avi/皖A12345.jpg").is_file()


def test_a_row_of_plate_recognizer_names_its_picture(archive: Path) -> None:
    outputs = ["--csv", "p.csv", "--csv-dialect", "platerecognizer", "--crops", "c", "--snapshots", "s"]
    assert alpr("run", "mon", *outputs, "--quiet") == 0
    (row,) = rows(archive / "p.csv")
    assert Path(row["file"]).parent == Path("s")
    assert Path(row["file"]).is_file()
    assert row["source_url"] == "mon/00.avi"


def test_each_camera_of_many_has_its_video_and_pictures_within_limits(archive: Path) -> None:
    Path("site.yaml").write_text(
        "cameras: {Gate 1: mon/00.avi, yard: tue/00.avi}\npictures: {max_files: 1}\nvideo: {preset: ultrafast}\n"
    )
    assert alpr("run", "--config", "site.yaml", "--video", "one.mp4", "--csv", "p.csv") == 2
    outputs = ["--video", "v/{camera}-{date}.mp4", "--crops", "c", "--csv", "p.csv", "--quiet"]
    for _ in range(2):
        assert alpr("run", "--config", "site.yaml", *outputs) == 0
    videos = sorted(p.name for p in Path("v").iterdir())
    assert len(videos) == 4
    assert [name.startswith("Gate_1-") for name in videos] == [True, True, False, False]
    assert all(p.stat().st_size > 1000 for p in Path("v").iterdir())
    found = rows(archive / "p.csv")
    assert len(found) == len({row["event_id"] for row in found}) == 4
    assert len(list(Path("c").glob("*.png"))) == 1
