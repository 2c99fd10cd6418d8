"""The readers by name, and what each has to say of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.reader.ctc import CtcReaderNet
from models.reader.network import PlateReaderNet, ReaderNet
from models.reader.networks import NETWORKS
from streamer.engine.decoders import DECODERS
from streamer.errors import ConfigError
from streamer.plates.alphabet import Alphabet
from train.export.golden import read_in_torch
from train.loop.config import ALPHABET, ReaderTrainConfig, load_config
from train.loop.weights import build_reader, grown, reader_of

FOLDER = Path(__file__).parents[3] / "configs" / "reader"


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_made_and_read_by_what_it_says(name: str) -> None:
    module = build_reader(name, dropout=0.1)
    assert module.training
    assert module.decoded_by in DECODERS
    again = reader_of({"model": module.state_dict(), "config": {"network": name}})
    assert (again.slots, again.transformer, again.training) == (module.slots, module.transformer, False)
    crop = np.full((48, 128, 3), 90, np.uint8)
    assert 0 <= read_in_torch(again, crop, Alphabet.load(ALPHABET), 1.0).confidence <= 1


def test_a_reader_with_twice_the_tokens_begins_as_the_one_with_half() -> None:
    torch.manual_seed(0)
    coarse, fine = build_reader("maskocr").eval(), build_reader("fine").eval()
    assert isinstance(coarse, PlateReaderNet)
    assert isinstance(fine, PlateReaderNet)
    fine.load_state_dict(grown(fine.state_dict(), coarse.state_dict()))
    image = torch.randn(2, 3, 48, 128)
    with torch.no_grad():
        old = coarse.encoder.tokens(coarse.encoder.stem(image)).flatten(2).transpose(1, 2) + coarse.encoder.position
        new = fine.encoder.tokens(fine.encoder.stem(image)).flatten(2).transpose(1, 2) + fine.encoder.position
        torch.testing.assert_close(new.unflatten(1, (3, 32))[:, :, ::2], old.unflatten(1, (3, 16)))
        shapes = [[tuple(o.shape) for o in net(image)] for net in (coarse, fine)]
    assert shapes[0] == shapes[1]
    position = fine.encoder.position.unflatten(1, (3, 32))
    torch.testing.assert_close(position[:, :, 1:-2:2], (position[:, :, :-2:2] + position[:, :, 2::2]) / 2)


def test_a_line_of_the_table_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "narrow.yaml"
    file.write_text((FOLDER / "ctc.yaml").read_text(encoding="utf-8").replace("network: ctc", "network: narrow"))
    with pytest.raises(ConfigError, match=r"narrow\.yaml:3: network: unknown network: expected one of maskocr, fine"):
        load_config(file, ReaderTrainConfig)
    monkeypatch.setitem(NETWORKS, "narrow", lambda classes, *_: CtcReaderNet(classes, (8, 8, 8, 8)))
    module = build_reader(load_config(file, ReaderTrainConfig).network)
    assert (module.decoded_by, module.slots, module.transformer) == ("ctc", 16, False)
    file.write_text(file.read_text(encoding="utf-8").replace("narrow", "narow"))
    with pytest.raises(ConfigError, match=r"network: unknown network: did you mean 'narrow'\?"):
        load_config(file, ReaderTrainConfig)


def test_a_network_that_does_not_say_how_it_is_decoded() -> None:
    with pytest.raises(TypeError, match=r"Silent has no decoded_by: set it in the class"):

        class Silent(ReaderNet):
            transformer = False


class Wrong(CtcReaderNet):
    decoded_by = "slots"


class Unknown(CtcReaderNet):
    decoded_by = "attention"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda classes, *_: Wrong(classes), r"'new' \(Wrong\): outputs of .* but slots decodes characters \("),
        (
            lambda classes, *_: Unknown(classes),
            r"decoded_by is 'attention', expected one of slots, slots\+columns, ctc",
        ),
        (lambda *_: nn.Linear(1, 1), r"'new' \(Linear\): must derive from models\.reader\.network\.ReaderNet"),
    ],
)
def test_a_network_that_cannot_be_exported_is_not_trained(
    make: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NETWORKS, "new", make)
    with pytest.raises(ConfigError, match=told):
        build_reader("new")


def test_the_check_changes_nothing() -> None:
    torch.manual_seed(3)
    checked = build_reader("maskocr").state_dict()
    torch.manual_seed(3)
    plain = NETWORKS["maskocr"](Alphabet.load(ALPHABET).size, 0.0, None).state_dict()
    assert all(torch.equal(checked[key], plain[key]) for key in plain)
