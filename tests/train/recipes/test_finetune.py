"""A reader on one's own crops: the label sheet, the command, and the judgement whether it is worth using."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from streamkit import alpr

from streamer.engine.zoo import find_model, sha256, zoo_folder
from streamer.errors import InputError
from train.data.label_sheet import COLUMNS, read_sheet
from train.recipes.finetune import by_chance, divided, judge
from train.synth.plate import PlateRenderer


def crops_folder(folder: Path, count: int) -> list[str]:
    """Drawn plates named as `alpr run --crops` names them, and rows.csv beside the folder; gives the texts."""
    folder.mkdir()
    renderer, texts = PlateRenderer(None, system_fonts=False), []
    rows = ["event_id,plate,confidence"]
    for k in range(count):
        plate = renderer.render(np.random.default_rng(k))
        cv2.imwrite(str(folder / f"e{k:02d}.png"), cv2.resize(plate.image_bgr, (136, 36)))
        texts.append(plate.text)
        rows.append(f"e{k:02d},{plate.text},{0.5 + k / 100:.4f}")
    (folder.parent / "rows.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return texts


def finetune(folder: Path, *more: object) -> int:
    where = ["--out", folder / "out", "--zoo", folder / "zoo"]
    return alpr("train", "finetune", "--crops", folder / "crops", "--csv", folder / "rows.csv", *where, *more)


def edit(sheet: Path, name: str, **cells: str) -> None:
    rows = read_sheet(sheet).rows
    for row in rows:
        if row["image_path"] == name:
            row.update(cells)
    with sheet.open("w", encoding="utf-8-sig", newline="") as out:
        table = csv.DictWriter(out, list(rows[0]), delimiter=";")  # as some spreadsheets save it
        table.writeheader()
        table.writerows(rows)


def test_the_sheet_keeps_what_was_corrected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = crops_folder(tmp_path / "crops", 4)
    (tmp_path / "crops" / "broken.png").write_bytes(b"no picture")
    assert finetune(tmp_path) == 0
    told = capsys.readouterr()
    assert "4 crops, 4 of them new, 0 labelled" in told.out
    assert "broken.png cannot be read" in told.err
    sheet = tmp_path / "crops" / "labels.csv"
    assert [(r["image_path"], r["plate_text"], r["read"]) for r in read_sheet(sheet).rows] == [
        (f"e{k:02d}.png", t, t) for k, t in enumerate(texts)
    ]
    assert read_sheet(sheet).columns == COLUMNS
    edit(sheet, "e00.png", plate_text="mine-123")
    edit(sheet, "e02.png", checked="x")
    (tmp_path / "crops" / "broken.png").unlink()
    cv2.imwrite(str(tmp_path / "crops" / "late.png"), np.zeros((36, 136, 3), np.uint8))
    assert finetune(tmp_path, "--sheet-only") == 0
    assert "5 crops, 1 of them new, 2 labelled" in capsys.readouterr().out
    after = read_sheet(sheet)
    assert [r["image_path"] for r in after.rows] == ["late.png", "e01.png", "e03.png", "e00.png", "e02.png"]
    assert [r["plate_text"] for r in after.labels()] == ["mine-123", texts[2]]
    assert after.delimiter == ";"


def no_crops(folder: Path) -> None:
    for file in (folder / "crops").glob("*.png"):
        file.unlink()


def other_rows(folder: Path) -> None:
    (folder / "rows.csv").write_text("event_id,plate,confidence\nother,AB1,0.9\n")


def no_table(folder: Path) -> None:
    (folder / "rows.csv").write_text("a,b\n1,2\n")


def bad_text(folder: Path) -> None:
    assert finetune(folder, "--sheet-only") == 0
    edit(folder / "crops" / "labels.csv", "e00.png", plate_text="AB하")


def number(folder: Path) -> None:
    assert finetune(folder, "--sheet-only") == 0
    edit(folder / "crops" / "labels.csv", "e00.png", plate_text="1.2E+05")


def few(folder: Path) -> None:
    assert finetune(folder, "--sheet-only") == 0
    edit(folder / "crops" / "labels.csv", "e00.png", checked="x")


def unknown_file(folder: Path) -> None:
    few(folder)
    (folder / "crops" / "e00.png").unlink()


def no_sheet(folder: Path) -> None:
    (folder / "crops" / "labels.csv").write_text("image_path,text\n")


def existing(folder: Path) -> None:
    (folder / "zoo" / "plate-reader-custom").mkdir(parents=True)


@pytest.mark.parametrize(
    ("spoil", "more", "code", "says"),
    [
        (no_crops, (), 3, "holds no picture"),
        (other_rows, (), 3, "no picture is named by an event_id of the rows"),
        (no_table, (), 3, "column event_id is missing"),
        (bad_text, (), 3, "e00.png: text 'AB하': not in the alphabet: 하"),
        (number, (), 3, "was turned into a number by a spreadsheet"),
        (few, (), 3, "1 labelled crops of 1 plates are too few"),
        (unknown_file, (), 3, "left out: e00.png is missing"),
        (no_sheet, (), 3, "labels.csv:1: column plate_text is missing"),
        (existing, (), 2, "is there already; give another --name"),
        (few, ("--name", "plate-reader", "--replace"), 2, "is a shipped model, which stays as it is"),
        (few, ("--name", "../plate-reader"), 2, "expected a plain name"),
        (few, ("--init", "gone"), 2, "gone: there is no such file"),
    ],
)
def test_what_is_refused(
    spoil, more: tuple[str, ...], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crops_folder(tmp_path / "crops", 3)
    spoil(tmp_path)
    capsys.readouterr()
    assert finetune(tmp_path, *more) == code
    assert says in " ".join(capsys.readouterr().err.split())


def pattern(text: str) -> list[bool]:
    return [c == "1" for c in text]


@pytest.mark.parametrize(
    ("own", "guard", "recommended", "says"),
    [
        (("00000000", "11111111"), ("1" * 50, "1" * 50), True, "8 became right, 0 wrong"),
        (("0011", "0111"), ("1" * 50, "1" * 50), True, "may be chance"),
        (("0011", "0011"), ("1" * 50, "1" * 50), False, "did not get better"),
        (("0111", "1011"), ("1" * 50, "1" * 50), False, "did not get better"),
        (("1111", "1111"), ("1" * 50, "1" * 50), False, "nothing to gain"),
        (("00000000", "11111111"), ("1" * 50, "0" * 5 + "1" * 45), False, "forgot: 5 drawn plates became wrong"),
        (("00000000", "11111111"), ("1" * 50, "0" * 4 + "1" * 46), True, "became right"),  # 4 of 4 may be chance
        (("00000000", "11111111"), ("0" * 9 + "1" * 41, "1" * 9 + "0" * 10 + "1" * 31), True, "became right"),
    ],
)
def test_the_judgement(own: tuple[str, str], guard: tuple[str, str], recommended: bool, says: str) -> None:
    verdict = judge(*map(pattern, own), *map(pattern, guard))
    assert verdict.recommended is recommended
    assert says in "; ".join(verdict.reasons)


def test_chance() -> None:
    assert [by_chance(0, 0), by_chance(5, 0), by_chance(1, 1)] == [1.0, 1 / 32, 0.75]


def test_a_plate_is_on_one_side_and_stays_there() -> None:
    texts = [f"AB{k // 2}" for k in range(80)]
    taught, held = divided(texts)
    assert sorted(taught + held) == list(range(80))
    assert not {texts[i] for i in taught} & {texts[i] for i in held}
    assert 5 <= len({texts[i] for i in held}) <= 20
    assert divided(texts) == (taught, held)
    with pytest.raises(InputError, match="20 labelled crops of 2 plates are too few"):
        divided(["A", "B"] * 10)


@pytest.mark.slow
def test_from_crops_to_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("train.recipes.finetune.GUARD", 12)
    monkeypatch.setattr("train.recipes.finetune.CALIBRATION", 12)
    shipped = {f: sha256(f) for f in (zoo_folder() / "plate-reader").iterdir()}
    crops_folder(tmp_path / "crops", 24)
    config = tmp_path / "r.yaml"
    config.write_text(yaml.safe_dump({"name": "r", "samples": 8, "batch": 4, "lr": 1e-5, "workers": 0, "synthetic": 8}))
    more = ["--all-checked", "--config", config, "--device", "cpu", "--name", "of-mine"]
    assert finetune(tmp_path, *more) == 0
    told = capsys.readouterr().out
    assert "| drawn plates | after | 12 |" in told
    figures = json.loads((tmp_path / "out" / "finetune.json").read_text())
    assert [f["set"] for f in figures["figures"]] == ["held-out crops"] * 2 + ["drawn plates"] * 2
    assert ("next: alpr run SOURCE --reader" in told) is figures["verdict"]["recommended"]
    assert ("not recommended: keep using plate-reader" in told) is not figures["verdict"]["recommended"]
    model = find_model(str(tmp_path / "zoo" / "of-mine"), "int8", "reader")
    assert model.card["temperature"] == find_model("plate-reader", "int8").card["temperature"]
    assert (tmp_path / "zoo" / "of-mine" / "finetune.md").is_file()
    assert {f: sha256(f) for f in (zoo_folder() / "plate-reader").iterdir()} == shipped
    assert finetune(tmp_path, *more) == 2  # the name is taken now
    assert alpr("eval", "reader", tmp_path / "out" / "crops.csv", "--reader", tmp_path / "zoo" / "of-mine") == 0
