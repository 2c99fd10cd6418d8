"""Contact sheets: sizes, kinds of pictures, captions in any script, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from train.figures.sheets import contact_sheet


def grey(h: int, w: int, value: int = 0) -> np.ndarray:
    return np.full((h, w, 3), value, np.uint8)


@pytest.mark.parametrize(
    ("count", "columns", "grid"), [(0, 6, (1, 1)), (1, 6, (1, 1)), (6, 6, (1, 6)), (7, 6, (2, 6)), (3, 1, (3, 1))]
)
def test_grid(count: int, columns: int, grid: tuple[int, int]) -> None:
    sheet = contact_sheet([grey(10, 30)] * count, ["x"] * count, columns, cell=(100, 50))
    assert sheet.shape == (grid[0] * (50 + 18 + 4) + 4, grid[1] * 104 + 4, 3)
    assert sheet.dtype == np.uint8


@pytest.mark.parametrize("shape", [(1, 1, 3), (500, 3, 3), (3, 500, 3), (20, 20), (20, 20, 1), (20, 20, 4)])
def test_any_shape_is_scaled_into_its_cell(shape: tuple[int, ...]) -> None:
    sheet = contact_sheet([np.zeros(shape, np.uint8)], [""], cell=(60, 40))
    assert (sheet[4:44, 4:64] < 100).any()
    assert (sheet[44:] == 245).all()
    assert (sheet[:, 64:] == 245).all()


def test_captions_are_drawn_in_their_cell_only() -> None:
    images = [grey(5, 5, 245)] * 2
    sheet = contact_sheet(images, ["京A12345 a very long caption\nsecond line", ""], 2, cell=(80, 20))
    assert (sheet[:, 4:84] < 100).any()
    assert (sheet[:, 88:] == 245).all()
    assert not np.array_equal(
        sheet, contact_sheet(images, ["沪A12345 a very long caption\nsecond line", ""], 2, (80, 20))
    )


@pytest.mark.parametrize(
    ("images", "captions", "columns", "words"),
    [
        ([grey(5, 5)], [], 6, "1 images but 0 captions"),
        ([grey(5, 5)], ["x"], 0, "columns 0"),
        ([np.zeros((0, 5, 3), np.uint8)], ["x"], 6, r"shape \(0, 5, 3\)"),
        ([np.zeros((5, 5, 3))], ["x"], 6, "float64"),
        ([np.zeros((5, 5, 2), np.uint8)], ["x"], 6, "2 channels"),
    ],
)
def test_bad_input(images: list[np.ndarray], captions: list[str], columns: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        contact_sheet(images, captions, columns)
