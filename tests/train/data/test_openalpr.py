"""openalpr's benchmark: its label files, what is left out of them and told, and where the folders may lie."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamer.errors import ConfigError, InputError
from train.data.manifest import Box, Sample
from train.data.open import open_dataset
from train.data.openalpr import parse_line, read_openalpr

BOX = "10\t20\t30\t8"


def picture(folder: Path, name: str, shade: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(folder / name), np.full((48, 64, 3), shade, np.uint8))


def labelled(folder: Path, name: str, shade: int, *lines: str) -> None:
    picture(folder, name, shade)
    (folder / name).with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The repository: two countries, a folder of pictures without labels, and a file beside them."""
    top = tmp_path / "benchmarks" / "endtoend"
    labelled(top / "eu", "b.jpg", 10, f"b.jpg\t{BOX}\tAB123")
    labelled(top / "eu", "a.png", 20, f"a.png\t{BOX}\tCD456")
    labelled(top / "us", "c.JPEG", 30, f"c.JPEG\t{BOX}\t0SG719")
    picture(top / "usimages", "d.jpg", 40)
    (top / "endtoend.sh").write_text("", encoding="utf-8")
    return top.parent


def texts(samples: list[Sample]) -> dict[str, list[str | None]]:
    return {s.relative: [p.text for p in s.plates] for s in samples}


def test_a_line() -> None:
    assert parse_line("eu1.jpg\t396\t340\t203\t46\tAB123") == ("eu1.jpg", (396, 340, 599, 386), "AB123")


@pytest.mark.parametrize(
    ("line", "box", "text"),
    [
        ("a.jpg\t1.5\t2\t3\t4\tab-12 c", (1.5, 2, 4.5, 6), "AB12C"),
        ("a.jpg\t-2\t-1\t30\t8\tAB1", (-2, -1, 28, 7), "AB1"),  # over the picture's edge
        ("a.jpg\t1\t2\t3\t4", (1, 2, 4, 6), ""),
        ("a.jpg\t1\t2\t3\t4\t", (1, 2, 4, 6), ""),
    ],
)
def test_lines_that_are_taken(line: str, box: Box, text: str) -> None:
    assert parse_line(line) == ("a.jpg", box, text)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a.jpg 1 2 3 4 AB1", "1 columns"),
        ("a.jpg\t1\t2\t3\t4\tAB1\tx", "7 columns"),
        ("\t1\t2\t3\t4\tAB1", "name of a file"),
        ("../a.jpg\t1\t2\t3\t4\tAB1", "name of a file"),
        ("b\\a.jpg\t1\t2\t3\t4\tAB1", "name of a file"),
        ("a.jpg\t1\tx\t3\t4\tAB1", "in pixels"),
        ("a.jpg\t1\t\t3\t4\tAB1", "in pixels"),
        ("a.jpg\t1\tnan\t3\t4\tAB1", "no box"),
        ("a.jpg\t1\t2\tinf\t4\tAB1", "no box"),
        ("a.jpg\t1\t2\t0\t4\tAB1", "no box"),
        ("a.jpg\t1\t2\t3\t-4\tAB1", "no box"),
        ("a.jpg\t-9\t2\t3\t4\tAB1", "no box"),  # left of the picture
    ],
)
def test_lines_that_are_refused(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_line(line)


def test_all_countries(root: Path) -> None:
    samples, faults = read_openalpr(root)
    assert texts(samples) == {"eu/a.png": ["CD456"], "eu/b.jpg": ["AB123"], "us/c.JPEG": ["0SG719"]}
    assert faults.lines() == []
    first = samples[0]
    assert (first.country, first.set, first.kind, first.split, first.complete) == (
        "EU",
        "openalpr-eu",
        "scene",
        "dev",
        True,
    )
    assert first.plates[0].box == (10, 20, 40, 28)
    assert first.path.is_file()


def test_parts_of_it(root: Path) -> None:
    assert len(read_openalpr(root / "endtoend")[0]) == 3
    assert [s.relative for s in read_openalpr(root / "endtoend" / "us")[0]] == ["us/c.JPEG"]


def test_a_country_that_is_no_country(tmp_path: Path) -> None:
    labelled(tmp_path / "mine", "a.jpg", 1, f"a.jpg\t{BOX}\tAB1")
    (sample,) = read_openalpr(tmp_path / "mine")[0]
    assert (sample.country, sample.set) == (None, "openalpr-mine")


def test_several_plates_of_a_picture(tmp_path: Path) -> None:
    """In one file, and as copies of the picture under names with a suffix; a label that stands twice counts once."""
    eu = tmp_path / "eu"
    labelled(eu, "a.png", 5, f"a.png\t{BOX}\tAB1", "a.png\t40\t5\t20\t6\tAB2")
    labelled(eu, "a-1.png", 5, "a-1.png\t5\t40\t20\t6\tAB3")
    labelled(eu, "a-2.png", 5, f"a.png\t{BOX}\tAB1")  # names the first
    labelled(eu, "b.png", 6, f"b.png\t{BOX}\t", f"b.png\t{BOX}\tAB4")
    samples, faults = read_openalpr(eu)
    assert faults.count == 0
    assert sorted(sorted(t or "" for t in found) for found in texts(samples).values()) == [
        ["AB1", "AB2", "AB3"],
        ["AB4"],
    ]


def test_a_renamed_picture_keeps_its_label(tmp_path: Path) -> None:
    labelled(tmp_path / "br", "new.jpg", 5, f"old.jpg\t{BOX}\tAB1")
    assert texts(read_openalpr(tmp_path / "br")[0]) == {"br/new.jpg": ["AB1"]}


def test_what_cannot_be_used_is_told_and_the_rest_goes_on(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    eu = root / "endtoend" / "eu"
    picture(eu, "alone.jpg", 50)
    (eu / "gone.txt").write_text(f"gone.jpg\t{BOX}\tAB1\n", encoding="utf-8")
    labelled(eu, "empty.jpg", 51, "")
    labelled(eu, "bad.jpg", 52, "bad.jpg\t1\tx\t3\t4\tAB1", f"bad.jpg\t{BOX}\tAB9")
    labelled(eu, "odd.jpg", 53, f"odd.jpg\t{BOX}\t한AB1")
    labelled(eu, "binary.jpg", 54)
    (eu / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with caplog.at_level(logging.WARNING):
        found = texts(open_dataset(f"openalpr:{root}", "dev"))
    assert found["eu/bad.jpg"] == ["AB9"]
    assert found["eu/odd.jpg"] == [None]  # to be found, not read
    assert not {"eu/alone.jpg", "eu/empty.jpg", "eu/binary.jpg"} & set(found)
    said = caplog.text
    for words in ("alone.jpg: has no alone.txt", "gone.jpg: there is no such", "empty.txt: holds no label"):
        assert words in said
    for words in ("bad.txt:1: box", "odd.txt:1: text", "binary.txt: cannot be read"):
        assert words in said
    caplog.clear()
    open_dataset(f"openalpr:{root}", "dev", quiet=True)
    assert not caplog.text


def test_many_faults_are_counted(root: Path) -> None:
    for k in range(14):
        picture(root / "endtoend" / "eu", f"x{k}.jpg", 60 + k)
    lines = read_openalpr(root)[1].lines()
    assert len(lines) == 11
    assert lines[-1] == "and 4 more faults in the labels"


@pytest.mark.parametrize("make", ["nothing", "empty", "pictures", "file"])
def test_no_benchmark(tmp_path: Path, make: str) -> None:
    place = tmp_path / "x"
    if make == "file":
        place.write_text("", encoding="utf-8")
    elif make == "pictures":
        picture(place, "a.jpg", 1)
    elif make == "empty":
        place.mkdir()
    with pytest.raises(InputError, match=r"openalpr's benchmarks|holds no picture with a label"):
        read_openalpr(place)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_it_is_not_trained_on(root: Path, split: str) -> None:
    with pytest.raises(ConfigError, match="only measures"):
        open_dataset(f"openalpr:{root}", split)
    assert open_dataset(f"openalpr:{root}", "dev", "crop") == []
