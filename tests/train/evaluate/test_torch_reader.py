from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from streamer.errors import ConfigError
from streamer.plates.alphabet import Alphabet
from train.evaluate.torch_reader import TorchReader, collapsed
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
    found = collapsed(path(columns), LETTERS)
    assert found.text == text
    assert found.confidence == pytest.approx(0.9 ** len(text) if text else 0.0, rel=1e-4)
    assert len(found.char_confidence) == len(text)


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
