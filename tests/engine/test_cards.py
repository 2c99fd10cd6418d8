"""What cards say of networks: defaults for old ones, and errors that name the key."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from streamer.engine.cards import PLATE_CROP
from streamer.engine.reader import Reader
from streamer.engine.zoo import zoo_folder
from streamer.errors import ModelError

SHIPPED = zoo_folder() / "plate-reader"
NEW_KEYS = "crop", "decoder", "outputs", "slots"


def reader_with(folder: Path, without: tuple[str, ...] = (), **changes: Any) -> Path:
    """A copy of the shipped reader, with another card."""
    copy = shutil.copytree(SHIPPED, folder / "reader", ignore=shutil.ignore_patterns("*.pt", "*int8*"))
    card = yaml.safe_load((copy / "card.yaml").read_text(encoding="utf-8"))
    card = {k: v for k, v in card.items() if k not in without} | changes
    (copy / "card.yaml").write_text(yaml.safe_dump(card, allow_unicode=True), encoding="utf-8")
    return copy


def test_a_card_from_before_the_keys_reads_the_same(tmp_path: Path) -> None:
    crop = np.random.default_rng(0).integers(0, 255, (48, 128, 3), np.uint8)
    old, new = Reader(reader_with(tmp_path, NEW_KEYS), "f32"), Reader(SHIPPED, "f32")
    assert old.crop == new.crop == PLATE_CROP
    (a,), (b,) = old.read([crop]), new.read([crop])
    assert (a.text, a.confidence, a.kind) == (b.text, b.confidence, b.kind)
    np.testing.assert_array_equal(a.slot_probs, b.slot_probs)


def test_margins_are_the_cards(tmp_path: Path) -> None:
    reader = Reader(reader_with(tmp_path, crop={"along": 0.1}), "f32")
    assert (reader.crop.along, reader.crop.across, reader.crop.width) == (0.1, PLATE_CROP.across, PLATE_CROP.width)


def test_one_decoder_of_several_may_be_chosen(tmp_path: Path) -> None:
    crop = np.full((48, 128, 3), 90, np.uint8)
    names = ["characters", "colour", "rows", "region", "columns_one", "columns_two"]
    for decoder in ("slots", "ctc"):
        folder = tmp_path / decoder
        folder.mkdir()
        assert len(Reader(reader_with(folder, decoder=decoder, outputs=names), "f32").read([crop])) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"crop": 3}, r"crop: expected a mapping, not 3"),
        ({"crop": {"height": "48"}}, r"crop\.height: expected a whole number of px from 8 to 4096, not '48'"),
        ({"crop": {"along": -1}}, r"crop\.along: expected a number from 0 to 4, not -1"),
        ({"crop": {"hight": 48}}, r"crop: expected the keys height, width, along, across alone, not 'hight'"),
        ({"decoder": "beam"}, r"decoder: expected one of slots, slots\+columns, ctc, not 'beam'"),
        ({"outputs": ["characters"]}, r"outputs: expected a list of names, with characters, rows, columns_one, .* not"),
        ({"outputs": 6}, r"outputs: expected a list of names"),
        ({"slots": 0}, r"slots: expected a number from 2"),
        ({"temperature": "warm"}, r"temperature: expected a number .* not 'warm'"),
        ({"whole": [1]}, r"whole: expected a mapping"),
        ({"whole": {"scale": "x"}}, r"whole\.scale: expected a number"),
        ({"classes": "many"}, r"classes: expected a number"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=rf"card\.yaml: {says}"):
        Reader(reader_with(tmp_path, **changes), "f32")


def test_outputs_in_another_order_are_found_out(tmp_path: Path) -> None:
    names = ["colour", "characters", "rows", "region", "columns_one", "columns_two"]
    with pytest.raises(ModelError, match=r"output colour has 95 classes, expected 5; .* card\.yaml: outputs"):
        Reader(reader_with(tmp_path, outputs=names), "f32").prepare()
