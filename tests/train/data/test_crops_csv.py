"""A user's list of crops, and what is said about those that cannot be taught."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamer.errors import InputError
from streamer.plates.alphabet import Alphabet
from train.data.check import trainable
from train.data.crops_csv import read_crops_csv, read_measured
from train.data.open import open_dataset
from train.loop.config import ALPHABET

LETTERS = Alphabet.load(ALPHABET)


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "crops.csv"
    file.write_bytes(text.encode(encoding))
    return file


def picture(folder: Path, name: str) -> None:
    cv2.imwrite(str(folder / name), np.zeros((20, 60, 3), np.uint8))


def test_a_list_of_crops(tmp_path: Path) -> None:
    file = csv_file(
        tmp_path,
        "image_path,plate_text,country,split,camera\n"
        "a.png,ab-123 c,de,,7\n"
        'sub/b.png,"皖A·12345",CN,dev,\n'
        "c.png,,FR,train,\n",
        "utf-8-sig",  # as spreadsheets save it
    )
    first, second, third = read_crops_csv(file)
    assert (first.path, first.plates[0].text, first.country, first.split) == (
        tmp_path / "a.png",
        "AB123C",
        "DE",
        "train",
    )
    assert (second.relative, second.plates[0].text, second.split) == ("sub/b.png", "皖A12345", "dev")
    assert third.plates[0].text is None
    assert open_dataset(str(file), "dev") == [second]
    rest = open_dataset(str(file), "train") + open_dataset(str(file), "validation")
    assert sorted(s.relative for s in rest) == ["a.png", "c.png"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"crops\.csv:1: column image_path is missing \(found nothing\)"),
        ("image_path,text\na.png,X1\n", r"crops\.csv:1: column plate_text is missing \(found image_path, text\)"),
        ("image_path,plate_text\na.png,X1\n,X2\n", r"crops\.csv:3: image_path is empty"),
        ("image_path,plate_text,split\na.png,X1,test\n", r"crops\.csv:2: split 'test': expected train or dev"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_crops_csv(csv_file(tmp_path, text))


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: is not there"):
        open_dataset(str(tmp_path / "gone.csv"), "train")
    with pytest.raises(InputError, match="cannot be read as CSV"):
        read_crops_csv(csv_file(tmp_path, "image_path,plate_text\nä.png,X\n", "latin-1"))


def test_what_cannot_be_taught(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("good.png", "foreign.png", "long.png"):
        picture(tmp_path, name)
    # A picture by its header, but cut off.
    (tmp_path / "broken.png").write_bytes((tmp_path / "good.png").read_bytes()[:50])
    rows = ["good.png,AB12", "foreign.png,하123", "long.png,ABCDEFGH1234", "broken.png,X1", "gone.png,X2"]
    samples = read_crops_csv(csv_file(tmp_path, "image_path,plate_text\n" + "\n".join(rows) + "\n"))
    with caplog.at_level(logging.WARNING):
        kept = [s.relative for s in trainable(samples, LETTERS, 12)]
    assert kept == ["good.png"]
    assert "1 crop with characters outside the alphabet: foreign.png (하123: 하)" in caplog.text
    assert "2 crops with a picture that cannot be read: broken.png (broken), gone.png (missing)" in caplog.text
    assert "1 crop with more than 11 characters: long.png (ABCDEFGH1234)" in caplog.text
    with pytest.raises(InputError, match=r"cannot be read.*train without --strict"):
        trainable(samples, LETTERS, 12, strict=True)
    assert trainable([s for s in samples if s.relative == "good.png"], LETTERS, 12, strict=True)
    assert trainable([], LETTERS, 12) == []


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("", "holds no row to measure on"),
        ("a.png,\n", "holds no row with a text"),
        ("a.png,X1\ngone.png,X2\n", r"gone\.png: there is no such picture"),
        ("a.png,하1\n", r"a\.png: text '하1': not in the alphabet: 하"),
        ("a.png,X1\na.png,X1\n", r"a\.png: stands there more than once"),
        ("a.png,ABCDEFGH12345678\n", "16 characters, at most 15 fit"),
    ],
)
def test_what_cannot_be_measured(tmp_path: Path, rows: str, says: str) -> None:
    picture(tmp_path, "a.png")
    with pytest.raises(InputError, match=says):
        read_measured(csv_file(tmp_path, "image_path,plate_text\n" + rows), LETTERS, 15)


def test_what_is_measured(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path, name)
    # Without a split all of it; a label sheet's rows once they are checked or altered.
    plain = csv_file(tmp_path, "image_path;plate_text\na.png;x-1\nb.png;X2\n")
    assert [s.plates[0].text for s in read_measured(plain, LETTERS, 15)] == ["X1", "X2"]
    divided = csv_file(tmp_path, "image_path,plate_text,split\na.png,X1,train\nb.png,X2,dev\n")
    assert [s.plates[0].text for s in read_measured(divided, LETTERS, 15)] == ["X2"]
    sheet = csv_file(tmp_path, "image_path,plate_text,checked,read\na.png,X1,,X1\nb.png,X2,,X3\n")
    assert [s.plates[0].text for s in read_measured(sheet, LETTERS, 15)] == ["X2"]
