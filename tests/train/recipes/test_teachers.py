"""Readers that teach another by their answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from datakit import drawn_folder
from streamkit import alpr
from trainkit import config, first_and_last_loss

from streamer.errors import ConfigError
from train.loop.weights import build_reader, load_weights
from train.recipes.teachers import Teachers

CPU = torch.device("cpu")


def saved(path: Path, network: str, **settings: object) -> str:
    torch.manual_seed(len(path.name))
    torch.save({"model": build_reader(network).state_dict(), "config": {"network": network, **settings}}, path)
    return str(path)


def test_the_answer_is_the_mean_of_all(tmp_path: Path) -> None:
    files = [saved(tmp_path / "a.pt", "maskocr"), saved(tmp_path / "bb.pt", "fine")]
    image = torch.randn(2, 3, 48, 128)
    each = [Teachers([file], 16, CPU).answers(image) for file in files]
    both = Teachers(files, 16, CPU).answers(image)
    assert both.shape[:2] == (2, 16)
    assert not both.requires_grad
    torch.testing.assert_close(both, (each[0] + each[1]) / 2)
    torch.testing.assert_close(both.sum(-1), torch.ones(2, 16))
    assert not torch.allclose(each[0], each[1])


@pytest.mark.parametrize(
    ("of", "fault"),
    [
        ("plate-detector-s", "plate-detector-s: holds the weights of a detector, expected a reader's"),
        ("columns", "answers in 16 places, ctc; expected 16 places, slots"),
        ("no-such-reader", "no-such-reader: there is no such file"),
    ],
)
def test_who_cannot_teach(of: str, fault: str, tmp_path: Path) -> None:
    name = saved(tmp_path / "columns.pt", "ctc") if of == "columns" else of
    with pytest.raises(ConfigError, match=fault):
        Teachers([name], 16, CPU)


def test_other_places_cannot_be_learned(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"answers in 16 places, slots.*; expected 12 places, slots"):
        Teachers([saved(tmp_path / "a.pt", "maskocr")], 12, CPU)


@pytest.mark.slow
def test_a_training_with_teachers(tmp_path: Path) -> None:
    folder, out = drawn_folder(tmp_path), tmp_path / "run"
    mine = config(
        tmp_path / "t.yaml", name="mine", samples=60, batch=8, synthetic=20, teachers=["plate-reader"], taught=0.7
    )
    assert alpr("train", "reader", "--config", mine, "--data", folder, "--out", out) == 0
    first, last = first_and_last_loss(out)
    assert last < first
    assert load_weights(out / "weights.pt")["config"]["teachers"] == ["plate-reader"]
