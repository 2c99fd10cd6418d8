"""The manifest format: what is read, what is refused and with which words, and how it is divided."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from streamer.errors import InputError
from train.data.manifest import PlateLabel, Sample, evaluation_set, is_validation, read_manifest
from train.data.open import open_dataset

PLATE = {
    "text": "京A12345",
    "box": [1, 2, 30.5, 12],
    "quad": [[1, 2], [30, 3], [30.5, 12], [2, 11]],
    "colour": "blue",
    "rows": 1,
    "text_source": "eye",
    "ignore": False,
}
LINE = {
    "path": "cn/a.jpg",
    "kind": "scene",
    "country": "CN",
    "split": "dev",
    "plates": [PLATE],
    "complete": True,
    "source": "own",
    "size": [640, 480],
}


def write(folder: Path, *rows: dict[str, Any] | str) -> Path:
    lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in rows]
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_reads_every_field(tmp_path: Path) -> None:
    extra = {
        "region": "x",
        "set": "s",
        "dataset": "CCPD",
        "subset": "blur",
        "note": "n",
        "real": False,
        "scene": "b.jpg",
    }
    (sample,) = read_manifest(write(tmp_path, {**LINE, **extra}))
    assert sample.path == tmp_path / "cn/a.jpg"
    assert (sample.relative, sample.kind, sample.split, sample.size) == ("cn/a.jpg", "scene", "dev", (640, 480))
    assert {k: getattr(sample, k) for k in extra} == extra
    (plate,) = sample.plates
    assert plate.box == (1.0, 2.0, 30.5, 12.0)
    assert plate.quad == ((1.0, 2.0), (30.0, 3.0), (30.5, 12.0), (2.0, 11.0))
    assert (plate.text, plate.colour, plate.rows, plate.ignore, plate.difficult) == (
        "京A12345",
        "blue",
        1,
        False,
        False,
    )


def test_absent_fields_have_their_meaning(tmp_path: Path) -> None:
    (sample,) = read_manifest(
        write(tmp_path, {"path": "b.jpg", "kind": "background", "split": "train", "size": [4, 3]})
    )
    assert sample == Sample(tmp_path / "b.jpg", "b.jpg", "background", "train", (4, 3))
    assert sample.complete
    assert sample.real
    assert sample.plates == ()


@pytest.mark.parametrize(
    ("kind", "split", "expected"),
    [(None, None, "abc"), ("scene", None, "ab"), (None, "dev", "ac"), ("scene", "train", "b"), ("crop", "train", "")],
)
def test_filters(tmp_path: Path, kind: str | None, split: str | None, expected: str) -> None:
    rows = [("a", "scene", "dev"), ("b", "scene", "train"), ("c", "crop", "dev")]
    write(tmp_path, *({**LINE, "path": p, "kind": k, "split": s} for p, k, s in rows))
    assert "".join(s.relative for s in read_manifest(tmp_path, kind, split)) == expected


def test_empty_file_and_empty_lines(tmp_path: Path) -> None:
    assert read_manifest(write(tmp_path)) == []
    assert len(read_manifest(write(tmp_path, "", LINE, "  "))) == 1


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", "expected a JSON object, found list"),
        ({k: v for k, v in LINE.items() if k != "path"}, "path is missing"),
        ({**LINE, "kind": "film"}, "kind 'film': expected one of scene, crop, background"),
        ({**LINE, "size": [0, 4]}, "size [0, 4]: expected [width, height]"),
        ({**LINE, "plates": "none"}, "plates: expected a list"),
        ({**LINE, "complete": "yes"}, "complete 'yes': expected true or false"),
        ({**LINE, "plates": [{**PLATE, "box": [3, 2, 1, 4]}]}, "box [3, 2, 1, 4]: expected"),
        ({**LINE, "plates": [{**PLATE, "box": [1, 2, 3]}]}, "box [1, 2, 3]: expected"),
        ({**LINE, "plates": [{**PLATE, "box": [1, 2, "3", 4]}]}, "box [1, 2, '3', 4]: expected"),
        ({**LINE, "plates": [{**PLATE, "box": [1, 2, float("nan"), 4]}]}, "box [1, 2, nan, 4]: expected"),
        ({**LINE, "plates": [{**PLATE, "quad": [[1, 2]]}]}, "quad [[1, 2]]: expected four corners"),
        ({**LINE, "plates": [{**PLATE, "rows": 3}]}, "rows 3: expected 1, 2 or null"),
        ({**LINE, "plates": [{**PLATE, "text": 7}]}, "text 7: expected a text"),
    ],
)
def test_broken_line_is_named(tmp_path: Path, broken: dict[str, Any] | str, words: str) -> None:
    write(tmp_path, LINE, broken)
    with pytest.raises(InputError) as raised:
        read_manifest(tmp_path)
    message = str(raised.value)
    assert f"{tmp_path / 'manifest.jsonl'}:2: " in message
    assert words in message
    assert "\n" not in message


def test_missing_manifest_and_foreign_bytes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.jsonl: is not there; name a data folder"):
        read_manifest(tmp_path / "nowhere")
    (tmp_path / "manifest.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"manifest\.jsonl: is not UTF-8"):
        read_manifest(tmp_path)
    with pytest.raises(InputError, match="is a file; name the data folder"):
        read_manifest(tmp_path / "manifest.jsonl")


def sample(text: str | None = None, path: str = "a.jpg", **more: Any) -> Sample:
    plates = (PlateLabel(), PlateLabel(text=text)) if text else ()
    return Sample(Path("/data", path), path, "scene", "train", (9, 9), plates=plates, **more)


def test_validation_goes_by_text_else_by_path() -> None:
    held = next(t for t in map(str, range(10**4)) if hashlib.sha256(t.encode()).digest()[0] == 12)
    kept = next(t for t in map(str, range(10**4)) if hashlib.sha256(t.encode()).digest()[0] == 13)
    assert is_validation(sample(held, path=kept))
    assert not is_validation(sample(kept, path=held))
    assert is_validation(sample(None, path=held))
    assert not is_validation(sample(None, path=kept))


def test_about_five_per_cent_are_held_out() -> None:
    held = sum(is_validation(sample(f"京A{n:05d}")) for n in range(20000))
    assert 0.045 < held / 20000 < 0.057


BLUE, GREEN = PlateLabel(colour="blue"), PlateLabel(colour="green")
CORNERS = PlateLabel(colour="green", quad=((0, 0), (1, 0), (1, 1), (0, 1)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"country": "CN", "set": "own", "dataset": "CCPD"}, "own"),
        ({"country": "US"}, "us"),
        ({"country": None}, "none"),
        ({"country": "CN", "kind": "crop", "source": "sirius-ai/LPRNet_Pytorch"}, "cn-lpr"),
        ({"country": "CN", "kind": "crop", "source": "other", "dataset": "CCPD"}, "cn-rare"),
        ({"country": "CN"}, "cn-other"),
        ({"country": "CN", "dataset": "CCPD", "plates": (CORNERS,)}, "cn-ccpd"),
        ({"country": "CN", "dataset": "CCPD", "plates": (GREEN, CORNERS)}, "cn-green"),
        ({"country": "CN", "dataset": "CCPD", "plates": (BLUE,)}, "cn-blue"),
        ({"country": "CN", "dataset": "CCPD"}, "cn-blue"),
    ],
)
def test_evaluation_set(fields: dict[str, Any], expected: str) -> None:
    base: dict[str, Any] = {"kind": "scene", "split": "dev", "size": (9, 9)}
    assert evaluation_set(Sample(Path("a"), "a", **{**base, **fields})) == expected


def test_open_dataset_divides_train(tmp_path: Path) -> None:
    texts = [f"京B{n:05d}" for n in range(200)]
    rows = [{**LINE, "split": "train", "plates": [{**PLATE, "text": t}]} for t in texts]
    write(tmp_path, LINE, *rows)
    parts = {split: open_dataset(str(tmp_path), split) for split in ("train", "validation", "dev")}
    assert [len(parts["dev"]), len(parts["train"]) + len(parts["validation"])] == [1, 200]
    assert all(map(is_validation, parts["validation"]))
    assert not any(map(is_validation, parts["train"]))


@pytest.mark.data
def test_real_manifest(data_dir: Path) -> None:
    samples = read_manifest(data_dir)
    assert {s.kind for s in samples} == {"scene", "crop", "background"}
    train = [s for s in samples if s.split == "train"]
    assert 0.03 < sum(map(is_validation, train)) / len(train) < 0.07
    assert {"cn-ccpd", "cn-green", "cn-blue", "cn-other"} <= {evaluation_set(s) for s in samples if s.split == "dev"}
