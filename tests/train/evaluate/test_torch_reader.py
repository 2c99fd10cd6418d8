from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from streamer.engine.decoders import Classes, read_columns
from streamer.errors import ConfigError
from streamer.plates.alphabet import Alphabet
from train.evaluate.torch_reader import TorchReader
from train.loop.config import ALPHABET
from train.loop.weights import build_reader

LETTERS = Alphabet.load(ALPHABET)


def path(text: str, sure: float = 0.9) -> np.ndarray:
    """(T, C + 1) with one column a character; `_` is the blank."""
    out = np.full((len(text), LETTERS.size + 1), (1 - sure) / LETTERS.size, np.float32)
    for t, c in enumerate(text):
        out[t, LETTERS.size if c == "_" else LETTERS.encode(c, 3)[0]] = sure
    return out


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ("____", ""),
        ("A", "A"),
        ("AA", "A"),
        ("A_A", "AA"),
        ("_AAB__1_1", "AB11"),
        ("皖?A", "皖?A"),
    ],
)
def test_best_path(columns: str, text: str) -> None:
    one, other = np.log(path(columns)), np.log(path("_" * len(columns)))
    for outputs in (
        {"columns_one": one, "columns_two": other, "rows": np.array([1.0, 0.0])},
        {"columns_one": other, "columns_two": one, "rows": np.array([0.0, 1.0])},
    ):
        found = read_columns({k: v.astype(np.float32) for k, v in outputs.items()}, Classes(LETTERS, slots=8))
        assert found.text == text
        assert found.confidence == 0 if not text else found.confidence >= 0.9 ** len(columns) - 1e-4
        assert len(found.char_confidence) == len(text)
        assert found.slot_probs is not None
        assert found.slot_probs.shape == (8, LETTERS.size)


def test_longer_texts_than_there_are_places_are_none() -> None:
    columns = np.log(path("A1B2"))
    outputs = {"columns_one": columns, "columns_two": columns, "rows": np.zeros(2, np.float32)}
    assert read_columns(outputs, Classes(LETTERS, slots=5)).text == "A1B2"
    assert read_columns(outputs, Classes(LETTERS, slots=4)).text == ""


@pytest.mark.parametrize("network", ["maskocr", "conv", "ctc"])
def test_every_network_reads(network: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    state = build_reader(network).state_dict()
    torch.save({"model": state, "config": {"name": "mine", "network": network}}, file)
    crops = [np.zeros((20, 60, 3), np.uint8), np.full((48, 128, 3), 200, np.uint8)]
    assert len(TorchReader(file).read_crops(crops)) == 2


def test_weights_of_a_pretraining_are_refused(tmp_path: Path) -> None:
    torch.save({"model": {}, "config": {"name": "mine", "hidden": 0.45}}, tmp_path / "w.pt")
    with pytest.raises(ConfigError, match="pre-training"):
        TorchReader(tmp_path / "w.pt")
