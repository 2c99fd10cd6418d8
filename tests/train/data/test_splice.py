from __future__ import annotations

from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.reader.network import REGIONS
from streamer.engine.zoo import plate_folders
from streamer.geometry import box_quad, grow_quad
from streamer.image.warp import MARGIN_ACROSS, MARGIN_ALONG
from streamer.plates.alphabet import Alphabet
from streamer.plates.countries import known_countries
from streamer.plates.grammar import Region
from train.data.plates import Crop
from train.data.reading import boxed, draw_cut
from train.data.regions import WITHOUT_LAYOUTS, countries, region_class, region_name
from train.data.splice import Joints, aligned, family, gaps, joined, joints_of, spread
from train.loop.config import ALPHABET

SYMBOLS = Alphabet.load(ALPHABET)
BLANK = 4


def columns(*classes: int) -> np.ndarray:
    """Log-probabilities that say one class a column, four classes and the blank."""
    p = np.full((len(classes), BLANK + 1), 0.01)
    p[np.arange(len(classes)), classes] = 0.96
    return np.log(p)


@pytest.mark.parametrize(
    ("said", "text", "centres"),
    [
        ((BLANK, 0, BLANK, 1, BLANK), [0, 1], [1.5, 3.5]),
        ((0, 0, 1, 1), [0, 1], [1.0, 3.0]),
        ((2, BLANK, 2, BLANK), [2, 2], [0.5, 2.5]),  # twice the same needs the blank between
        ((3,), [3], [0.5]),
    ],
)
def test_characters_are_found_in_their_columns(said: tuple[int, ...], text: list[int], centres: list[float]) -> None:
    found = aligned(columns(*said), text)
    assert found is not None
    np.testing.assert_allclose(found[0], centres)
    assert found[1] == pytest.approx(len(said) * np.log(0.96))


def test_a_text_longer_than_the_columns_is_not_there() -> None:
    assert aligned(columns(0, 0), [0, 0]) is None


def bars(*at: int, width: int = 10) -> np.ndarray:
    """A picture (48, 128, 3) with a striped bar around each of these columns."""
    picture = np.full((48, 128, 3), 200, np.uint8)
    for x in at:
        picture[::4, x - width : x + width] = 20
    return picture


def test_joints_lie_where_nothing_is() -> None:
    joint = gaps(bars(30, 80), np.array([30.0, 80.0]))
    assert joint.shape == (1,)
    assert 40 <= joint[0] <= 71
    assert np.isnan(gaps(bars(30, 50, width=12), np.array([30.0, 50.0]))).all()  # they touch


def crop(text: str, way: str = "whole", country: str = "DE") -> Crop:
    box = np.array([16, 8, 112, 40], float)
    return Crop(text, country, "white", 1, box_quad(box) if way == "corners" else None, None if way == "whole" else box)


@pytest.mark.parametrize("way", ["whole", "box", "corners"])
def test_left_of_one_and_right_of_another(way: str) -> None:
    left, right = crop("ABCD", way), crop("12345", way)
    dark, light = np.full((48, 128, 3), 40, np.uint8), np.full((48, 128, 3), 40, np.uint8)
    made = joined(
        np.random.default_rng(0),
        (left, dark, np.array([np.nan, 0.5, np.nan])),
        (right, light, np.array([np.nan, 0.52, 0.9, np.nan])),
        11,
    )
    assert made is not None
    new, picture = made
    assert new.text == "AB345"
    assert (new.country, new.rows) == ("DE", 1)
    assert (new.quad is None, new.box is None) == (way != "corners", way != "box")
    if new.quad is not None:  # the corners lie as far inside the straight cut as the margins say
        height, width = picture.shape[:2]
        whole = grow_quad(new.quad, MARGIN_ALONG, MARGIN_ACROSS)
        assert whole.min() > 0
        assert (whole.max(0) < (width, height)).all()


@pytest.mark.parametrize(
    ("left", "right", "longest"),
    [
        ([0.2, np.nan], [0.8, np.nan], 11),  # too far apart
        ([0.5, np.nan], [0.5, np.nan], 2),  # too long
    ],
)
def test_what_does_not_fit_is_not_joined(left: list[float], right: list[float], longest: int) -> None:
    picture = np.zeros((48, 128, 3), np.uint8)
    one, two = (crop("ABC"), picture, np.array(left)), (crop("XYZ"), picture, np.array(right))
    assert joined(np.random.default_rng(0), one, two, longest) is None


def test_a_chinese_plate_keeps_its_places() -> None:
    picture = np.zeros((48, 128, 3), np.uint8)
    at = np.array([0.1, 0.11])
    for seed in range(10):
        made = joined(
            np.random.default_rng(seed),
            (crop("皖A1", country="CN"), picture, at),
            (crop("京B2", country="CN"), picture, at),
            11,
        )
        assert made is not None
        assert made[0].text in ("皖B2", "皖A2")


def test_only_likes_are_joined() -> None:
    crops = [crop("AB1"), crop("CD2"), crop("EF3", "box"), crop("GH4", country="FR"), crop("IJ5")]
    kin: dict[str, list[int]] = {}
    for k in (0, 1, 2, 3):
        kin.setdefault(family(crops[k]), []).append(k)
    joints = Joints([np.array([0.5])] * 4 + [None], kin)
    rng = np.random.default_rng(0)
    assert {joints.partner(rng, 0, crops) for _ in range(30)} == {1, None}
    assert joints.partner(rng, 2, crops) is None  # none is cut like it
    assert joints.partner(rng, 4, crops) is None  # it has no joints itself


class Sure(torch.nn.Module):
    """A reader whose CTC head sees one text in whatever it is shown."""

    def __init__(self, text: str, columns: int = 16) -> None:
        super().__init__()
        classes = SYMBOLS.encode(text, len(text) + 1)[:-1]
        self.logits = torch.full((1, columns, SYMBOLS.size + 1), 0.0)
        step = columns // len(classes)
        for t in range(columns):
            k = t // step
            here = classes[k] if t % step == step // 2 and k < len(classes) else SYMBOLS.size
            self.logits[0, t, here] = 12.0

    def forward_training(self, _: torch.Tensor) -> tuple[None, torch.Tensor, torch.Tensor]:
        return None, self.logits, self.logits


def test_joints_are_found_only_where_the_text_is_seen() -> None:
    picture = bars(16, 48, 80, 112, width=8)
    found = joints_of(Sure("AB12"), SYMBOLS, crop("AB12"), picture)
    assert found is not None
    np.testing.assert_allclose(found, [0.25, 0.5, 0.75], atol=0.07)
    assert joints_of(Sure("AB12"), SYMBOLS, crop("XY99"), picture) is None
    assert joints_of(Sure("AB12"), SYMBOLS, crop("A?12"), picture) is None


@given(st.floats(-0.4, 0.4))
def test_the_box_of_a_hanging_plate_holds_it(angle: float) -> None:
    quad = box_quad(np.array([20, 10, 110, 40], float))
    box = boxed(quad, angle)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    upright, hanging = (box - quad.mean(0)) @ turn.T, (quad - quad.mean(0)) @ turn.T
    np.testing.assert_allclose(upright.min(0), hanging.min(0), atol=1e-6)
    np.testing.assert_allclose(upright.max(0), hanging.max(0), atol=1e-6)


def test_crops_without_a_box_are_turned_a_little() -> None:
    rng = np.random.default_rng(1)
    quads = np.array([draw_cut(rng, crop("AB1"), 128, 48) for _ in range(200)])
    angle = np.degrees(np.arctan2(quads[:, 1, 1] - quads[:, 0, 1], quads[:, 1, 0] - quads[:, 0, 0]))
    assert 1 < np.abs(angle).mean() < 5


@pytest.mark.parametrize(("country", "region"), [("CN", 0), ("de", 1), ("US", 2), ("BR", 3), ("VN", 4), ("TN", 5)])
def test_countries_have_regions(country: str, region: int) -> None:
    assert region_class(country) == region


def test_the_groups_are_those_of_the_network() -> None:
    assert tuple(WITHOUT_LAYOUTS) == REGIONS == get_args(Region)
    assert [region_name(c) for c in ("CN", "eu", "US", "MIXED", "", None)] == [
        "china",
        "europe",
        "north-america",
        "other",
        "other",
        "other",
    ]


def test_unknown_countries_have_none() -> None:
    assert region_class("MIXED") == region_class("") == -1
    codes = " ".join(WITHOUT_LAYOUTS.values()).split()
    assert len(codes) == len(set(codes))
    assert all(len(c) == 2 for c in codes)
    assert known_countries(plate_folders()) & set(codes) == {"EU"}  # one source for each


TRAINED_WITH = {
    "china": "CN HK",
    "europe": "AL AM AT AZ BA BE BG BY CH CY CZ DE DK EE ES EU FI FR GB GE GR HR HU IE IS IT LI LT LU LV MD ME MK MT "
    "NL NO PL PT RO RS RU SE SI SK TR UA AD GI IM JE SM XK",
    "north-america": "CA US",
    "latin-america": "AR BR CL CO MX PE PY UY BO CR CU DO EC GT HN JM NI PA SV TT VE",
    "asia": "AE AU ID IL IN JO KZ LK MY NZ PH PK SA SG TW VN BH BN IQ KG KH KW LB MM OM QA TJ TM UZ",
    "africa": "DZ GH KE NG TN ZA AO BW CI CM MA MR MU MZ NA RW SN TZ UG ZM ZW",
}


def test_the_regions_of_layout_files_are_those_that_networks_were_trained_with() -> None:
    names, known = list(TRAINED_WITH), known_countries(plate_folders()) - {"MIXED"}
    assert {code: names[k] for code, k in countries().items() if code in known} == {
        code: name for name, codes in TRAINED_WITH.items() for code in codes.split()
    }


def test_a_margin_is_kept_around_what_has_one(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (48, 128, 3), np.uint8)
    whole, box = spread(crop("AB1"), picture)
    assert (box == [0, 0, whole.shape[1], whole.shape[0]]).all()
    around, inner = spread(crop("AB1", "box"), picture)
    assert inner[0] > 0
    assert around.shape[1] - inner[2] == inner[0]
    assert cv2.imwrite(str(tmp_path / "x.png"), around)
