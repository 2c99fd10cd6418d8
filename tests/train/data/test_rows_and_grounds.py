"""Plates of two rows made from real ones, and pictures of no plate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.reader.loss import ReaderTargets, ctc_loss
from models.reader.network import PlateReaderNet, ReaderSize
from streamer.geometry import box_quad
from train.data.compose import stacked
from train.data.grounds import draw_place
from train.data.plates import Crop
from train.data.reading import RARER, crop_weights
from train.loop.weights import grown

LEFT, RIGHT = (0, 0, 200), (200, 0, 0)


def halves(width: int = 240, height: int = 60) -> np.ndarray:
    """A picture whose left half is red and whose right half is blue."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = LEFT, RIGHT
    return picture


def joints(*places: float | None) -> np.ndarray:
    return np.array([np.nan if p is None else p for p in places])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("corners", [True, False])
def test_the_left_part_comes_above_the_right(seed: int, corners: bool) -> None:
    quad = box_quad(np.array([0, 0, 240, 60.0])) if corners else None
    crop = Crop("AB1234", "DE", "white", 1, quad, None)
    made = stacked(np.random.default_rng(seed), crop, halves(), joints(None, 0.5, None, None, None))
    assert made is not None
    label, picture = made
    assert (label.text, label.rows, label.quad, label.box) == ("AB1234", 2, None, None)
    h, w = picture.shape[:2]
    assert picture[h // 4, w // 2].tolist() == list(LEFT)
    assert picture[3 * h // 4, w // 2].tolist() == list(RIGHT)
    assert w < 3 * h  # no longer a plate of one row


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("AB1234", (None,) * 5),  # no joint at all
        ("AB1234", (0.1, None, None, None, 0.9)),  # one character would stand alone
        ("ABC", (0.3, 0.6)),
    ],
)
def test_nothing_where_no_joint_leaves_two_characters_each(text: str, places: tuple[float | None, ...]) -> None:
    crop = Crop(text, "DE", "white", 1, None, None)
    assert stacked(np.random.default_rng(0), crop, halves(), joints(*places)) is None


def test_rows_break_mostly_where_letters_meet_digits() -> None:
    crop, rng = Crop("AB1234", "DE", None, 1, None, None), np.random.default_rng(0)
    ratios = []
    for _ in range(200):
        made = stacked(rng, crop, halves(), joints(None, 0.5, 0.7, 0.8, None))
        assert made is not None
        ratios.append(made[1][made[1].shape[0] // 4, made[1].shape[1] // 2].tolist() == list(LEFT))
    assert sum(ratios) > 110


@pytest.mark.parametrize("size", [(640, 480), (60, 40), (20, 20), (1, 1)])
def test_a_place_lies_in_its_picture(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        quad = draw_place(rng, *size)
        assert np.isfinite(quad).all()
        middle = quad.mean(0)
        assert (middle > -30).all()
        assert (middle < np.array(size) + 30).all()


def test_letters_that_are_rare_count_for_more_but_in_china() -> None:
    crops = [Crop(t, c, None, 1, None, None) for t, c in (("AB1", "DE"), ("OB1", "DE"), ("皖O1", "CN"), ("皖A1", "CN"))]
    plain, rare, *china = crop_weights(crops, 0.5)
    assert rare / plain == pytest.approx(RARER)
    assert china[0] == china[1]


def test_an_empty_text_weighs_as_much_as_one_of_usual_length() -> None:
    one, two = torch.zeros(1, 32, 6), torch.zeros(1, 96, 6)
    unknown = torch.tensor([-1])
    empty = ReaderTargets(torch.full((1, 16), 4), torch.tensor([0]), unknown, torch.tensor([0]), unknown)
    assert float(ctc_loss(one, two, empty)) == pytest.approx(32 * np.log(6) / 8)


def test_an_earlier_reader_grows_without_forgetting() -> None:
    torch.manual_seed(0)
    small = PlateReaderNet(9, ReaderSize(slots=12, steps=1)).eval()
    large = PlateReaderNet(9, ReaderSize(slots=16, steps=2)).eval()
    large.load_state_dict(grown(large.state_dict(), small.state_dict()))
    image = torch.randn(2, 3, 48, 128)
    with torch.no_grad():
        before, after = small(image), large(image)
    torch.testing.assert_close(after[4][:, ::2], before[4])  # both steps of a column say what the one did
    torch.testing.assert_close(after[4][:, 1::2], before[4])
    assert torch.equal(large.queries[:, :12], small.queries[:, :12])
    assert torch.equal(large.queries[:, -1], small.queries[:, -1])  # the query for the kind stays the last
