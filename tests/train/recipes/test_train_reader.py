"""From a folder of labelled pictures to a model that runs, by the commands a user types: a few steps of each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from datakit import drawn_folder
from streamkit import alpr
from trainkit import config, first_and_last_loss

from streamer.engine.reader import Reader
from streamer.engine.zoo import sha256
from train.export.golden import golden_crops
from train.loop.weights import load_weights

CLIP = Path(__file__).parents[2] / "clips" / "demo.mp4"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_folder(tmp_path_factory.mktemp("data"))


def test_reader(folder: Path, tmp_path: Path) -> None:
    mine = config(tmp_path / "r.yaml", name="mine", samples=120, batch=8, synthetic=20)
    out = tmp_path / "run"
    assert alpr("train", "reader", "--config", mine, "--data", folder, "--out", out) == 0
    first, last = first_and_last_loss(out)
    assert last < first
    assert alpr("export", out / "weights.pt", "--data", folder, "--out", tmp_path / "zoo") == 0
    for precision in ("f32", "int8"):
        reader = Reader(tmp_path / "zoo" / "mine" / f"mine-{precision}.xml", precision)
        assert len(reader.read([np.zeros((48, 128, 3), np.uint8)])) == 1


def test_the_ctc_baseline_is_exported_and_read_with(folder: Path, tmp_path: Path) -> None:
    mine = config(tmp_path / "c.yaml", name="columns", network="ctc", samples=120, batch=8, synthetic=20)
    out, model = tmp_path / "run", tmp_path / "zoo" / "columns"
    assert alpr("train", "reader", "--config", mine, "--data", folder, "--out", out) == 0
    first, last = first_and_last_loss(out)
    assert last < first
    assert alpr("eval", "reader", folder, "--split", "validation", "--weights", out / "weights.pt") == 0
    assert alpr("export", out / "weights.pt", "--data", folder, "--out", tmp_path / "zoo") == 0
    card = yaml.safe_load((model / "card.yaml").read_text())
    assert (card["decoder"], card["slots"], card["crop"]["height"]) == ("ctc", 16, 48)
    assert card["outputs"] == ["columns_one", "columns_two", "colour", "rows", "region"]
    crops = list(golden_crops())[:4]
    expected = json.loads((model / "golden.json").read_text(encoding="utf-8"))
    for precision in ("f32", "int8"):
        found = Reader(model, precision).read(crops)
        assert [one.slot_probs.shape for one in found if one.slot_probs is not None] == [(16, card["classes"])] * 4
        if precision == "f32":
            assert [one.text for one in found] == [one["text"] for one in expected[:4]]
    assert alpr("run", CLIP, "--reader", model, "--csv", tmp_path / "rows.csv", "--quiet") == 0


def test_reader_after_both_phases_of_pretraining(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"samples": 80, "batch": 8}
    seen = config(tmp_path / "v.yaml", name="seen", synthetic=0, **settings)
    told = config(tmp_path / "l.yaml", name="told", synthetic=20, **settings)
    read = config(tmp_path / "r.yaml", name="read", synthetic=20, **settings)
    one, two, three = (tmp_path / k for k in ("one", "two", "three"))
    assert alpr("train", "pretrain-visual", "--config", seen, "--data", folder, "--out", one) == 0
    assert "pretrain-language --init" in capsys.readouterr().out
    first, last = first_and_last_loss(one)
    assert last < first
    after = ["--data", folder, "--init"]
    assert alpr("train", "pretrain-language", "--config", told, "--data", folder, "--out", two) == 2
    assert "--init is missing" in capsys.readouterr().err
    assert alpr("train", "pretrain-language", "--config", told, *after, one / "weights.pt", "--out", two) == 0
    assert alpr("train", "reader", "--config", read, *after, two / "weights.pt", "--out", three) == 0
    seen_encoder = {k: v for k, v in load_weights(one / "weights.pt")["model"].items() if k.startswith("reader.enc")}
    kept = load_weights(two / "weights.pt")["model"]
    assert all(torch.equal(v, kept[k]) for k, v in seen_encoder.items() if "num_batches" not in k)
    assert load_weights(three / "weights.pt")["info"]["init_sha256"] == sha256(two / "weights.pt")
    assert alpr("eval", "reader", folder, "--split", "validation", "--weights", three / "weights.pt") == 0
    capsys.readouterr()
    assert alpr("export", two / "weights.pt", "--data", folder, "--out", tmp_path / "zoo") == 5
    assert "pre-training" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "arguments", "code", "says"),
    [
        (
            "train",
            ["detector", "--config", "nowhere.yaml", "--data", "."],
            2,
            "nowhere.yaml: no such configuration file",
        ),
        ("train", ["detector", "--config", "{config}", "--data", "nowhere"], 3, "nowhere"),
        ("train", ["reader", "--config", "{config}", "--data", "{empty}"], 2, "image"),
        ("export", ["nowhere.pt", "--data", "."], 2, "nowhere.pt: there is no such file"),
        ("export", ["{config}", "--data", "."], 5, "cannot be read as weights"),
    ],
)
def test_bad_input(
    verb: str, arguments: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = config(tmp_path / "d.yaml", name="mine", samples=8, image=128, synthetic=0)
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "manifest.jsonl").touch()
    given = [a.format(config=mine, empty=empty) for a in arguments]
    assert alpr(verb, *given, *(["--out", tmp_path / "out"] if verb == "train" else [])) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("alpr: error:")]
    assert len(lines) == 1
    assert says in lines[0]
