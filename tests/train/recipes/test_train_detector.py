"""From a folder of labelled pictures to a model that runs, by the commands a user types: a few steps of each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from datakit import drawn_folder
from streamkit import alpr
from trainkit import config, first_and_last_loss

from streamer.engine.detector import Detector
from streamer.engine.refiner import Refiner
from streamer.engine.zoo import sha256
from streamer.geometry import box_quad
from streamer.image.warp import frame_of
from streamer.types import Plates
from train.loop.weights import load_weights

CLIP = Path(__file__).parents[2] / "clips" / "demo.mp4"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_folder(tmp_path_factory.mktemp("data"))


def test_detector(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mine = config(tmp_path / "d.yaml", name="mine", samples=80, image=128, synthetic=12)
    out = tmp_path / "run"
    assert alpr("train", "detector", "--config", mine, "--data", folder, "--out", out) == 0
    first, last = first_and_last_loss(out)
    assert last < first
    assert {"weights.pt", "losses.png", "samples.png", "checkpoint.pt"} <= {p.name for p in out.iterdir()}
    assert alpr("export", out / "weights.pt", "--data", folder, "--out", tmp_path / "zoo", "--keep-weights") == 0
    assert "mine-int8.bin" in capfd.readouterr().out
    card = yaml.safe_load((tmp_path / "zoo" / "mine" / "card.yaml").read_text())
    assert 5 <= card["training"]["pictures"] <= 10  # those that show a plate, without the validation part
    assert len(card["training"]["data_hash"]) == 64
    assert 0.1 <= card["min_score"] <= 0.9
    picture = np.full((270, 480, 3), 100, np.uint8)
    assert sha256(tmp_path / "zoo" / "mine" / "mine.pt") == card["pytorch"]["sha256"]
    for precision in ("f32", "int8"):
        for image in (picture, picture.transpose(1, 0, 2)):
            model = tmp_path / "zoo" / "mine" / f"mine-{precision}.xml"
            Detector(model, precision).detect(frame_of(np.ascontiguousarray(image)))


def test_fine_tuning_looks_for_hard_negatives(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = config(tmp_path / "d.yaml", name="mine", samples=16, image=128, synthetic=12, hard=0.5, hard_score=0.01)
    first, second = tmp_path / "first", tmp_path / "second"
    train = ["train", "detector", "--config", mine, "--data", folder]
    assert alpr(*train, "--out", first) == 0
    assert alpr(*train, "--init", first / "weights.pt", "--out", second) == 0
    (kept,) = (second / "cache").glob("hard-*.json")
    spots = json.loads(kept.read_text())
    assert all(len(box) == 4 for _, box in spots)
    state = load_weights(second / "weights.pt")
    assert state["info"]["init_sha256"] == state["info"]["hard_sha256"] == sha256(first / "weights.pt")
    # Called again it is done already; with other weights to start from it is another training.
    assert alpr(*train, "--init", first / "weights.pt", "--out", second) == 0
    capsys.readouterr()
    assert alpr(*train, "--init", second / "weights.pt", "--out", second) == 2
    assert "from another --init" in capsys.readouterr().err


def test_starting_weights_are_checked_first(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = config(tmp_path / "d.yaml", name="mine", samples=16, image=128, synthetic=0)
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no weights")
    for weights in (broken, tmp_path / "gone.pt"):
        train = ["train", "detector", "--config", mine, "--data", folder, "--out", tmp_path / "out"]
        assert alpr(*train, "--init", weights) == 2
        assert weights.name in capsys.readouterr().err


def test_refiner(folder: Path, tmp_path: Path) -> None:
    mine = config(tmp_path / "f.yaml", name="closer", samples=144, batch=4, image=128, synthetic=12)
    out = tmp_path / "run"
    assert alpr("train", "refiner", "--config", mine, "--data", folder, "--out", out) == 0
    first, last = first_and_last_loss(out)
    assert last < first
    assert alpr("export", out / "weights.pt", "--data", folder, "--out", tmp_path / "zoo") == 0
    picture = frame_of(np.full((270, 480, 3), 100, np.uint8))
    box = np.array([[100.0, 100, 200, 130]])
    found = Plates(box, np.array([0.5]), box_quad(box), np.zeros(1, bool))
    for precision in ("f32", "int8"):
        refiner = Refiner(tmp_path / "zoo" / "closer" / f"closer-{precision}.xml", precision)
        assert len(refiner.refine(picture, found)) == 1


def test_a_larger_detector_grows_from_a_smaller_one(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = config(tmp_path / "s.yaml", name="small", samples=8, image=96, synthetic=0)
    large = config(tmp_path / "m.yaml", name="large", size="m", samples=8, image=96, synthetic=0, hard=0.0)
    train = ["train", "detector", "--data", folder]
    assert alpr(*train, "--config", small, "--out", tmp_path / "small") == 0
    init = ["--init", tmp_path / "small" / "weights.pt"]
    assert alpr(*train, "--config", large, *init, "--out", tmp_path / "large") == 0
    assert load_weights(tmp_path / "large" / "weights.pt")["config"]["size"] == "m"
    capsys.readouterr()
    back = ["--init", tmp_path / "large" / "weights.pt"]
    assert alpr(*train, "--config", small, *back, "--out", tmp_path / "back") == 2
    assert "cannot grow" in capsys.readouterr().err
