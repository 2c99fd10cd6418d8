"""The refiner's network and losses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.refiner.loss import RefinerTargets, refiner_loss, to_picture
from models.refiner.network import PlateRefinerNet, nominal_corners, split

NOMINAL = nominal_corners(0.25, 0.5)
PLATE_HEIGHT = 24.0


def targets(n: int, **changed: torch.Tensor) -> RefinerTargets:
    """Plates that lie in the cut as they were found; the picture is the cut twice as large."""
    twice = torch.diag(torch.tensor([2.0, 2.0, 1.0])).expand(n, 3, 3)
    corners = NOMINAL.expand(n, 4, 2)
    box = torch.cat([2 * NOMINAL.amin(0), 2 * NOMINAL.amax(0)]).expand(n, 4)
    values = {
        "to_frame": twice, "corners": corners, "box": box, "trust": torch.ones(n), "edge": torch.ones(n),
        "plate": torch.ones(n, dtype=torch.bool), "weight": torch.ones(n),
    }  # fmt: skip
    return RefinerTargets(**{**values, **changed})


def loss(out: torch.Tensor, t: RefinerTargets) -> dict[str, float]:
    return {k: float(v) for k, v in refiner_loss(out, NOMINAL, PLATE_HEIGHT, t).items()}


def test_shapes_and_size() -> None:
    net = PlateRefinerNet().eval()
    logit, shift = split(net(torch.zeros(3, 3, 48, 96)))
    assert logit.shape == (3,)
    assert shift.shape == (3, 4, 2)
    assert sum(p.numel() for p in net.parameters()) < 500_000


def test_the_right_answer_costs_nothing() -> None:
    out = torch.zeros(2, 9)
    out[:, 0] = 9.0
    assert loss(out, targets(2))["total"] < 1e-3


@pytest.mark.parametrize("k", range(1, 9))
def test_every_corner_counts(k: int) -> None:
    out = torch.zeros(1, 9)
    out[:, 0] = 9.0
    out[:, k] = 0.3
    assert loss(out, targets(1))["corner"] > 0.1


def test_what_is_not_trusted_does_not_teach() -> None:
    out = torch.full((1, 9), 0.3)
    blind = targets(1, trust=torch.zeros(1))
    assert loss(out, blind)["corner"] == 0
    assert loss(out, blind)["box"] > 0
    assert loss(out, targets(1, trust=torch.zeros(1), edge=torch.zeros(1)))["box"] == 0


def test_no_plate_teaches_its_score_alone() -> None:
    nothing = targets(1, plate=torch.zeros(1, dtype=torch.bool))
    sure, unsure = torch.full((1, 9), 0.5), torch.full((1, 9), 0.5)
    sure[:, 0], unsure[:, 0] = 4.0, -4.0
    assert loss(sure, nothing)["quality"] > 1 > 0.01 > loss(unsure, nothing)["quality"]
    assert loss(sure, nothing)["corner"] == loss(sure, nothing)["box"] == 0


def test_a_misplaced_box_is_worth_less() -> None:
    """The quality taught is the IoU of what came out, so a far shift with a high score costs more than a near one."""
    near, far = torch.zeros(1, 9), torch.zeros(1, 9)
    near[:, 0] = far[:, 0] = 6.0
    far[:, 1::2] = 1.5
    assert loss(far, targets(1))["quality"] > loss(near, targets(1))["quality"] + 0.1


def test_a_plate_cut_by_the_picture_is_right_with_its_corners_outside() -> None:
    """The label's box ends where the picture does; the corners go on."""
    whole = targets(1)
    cut_box = whole.box.clone()
    cut_box[:, 2:] = cut_box[:, 2:].clamp(max=120)
    out = torch.zeros(1, 9)
    out[:, 0] = 9.0
    found = loss(out, replace(targets(1, box=cut_box), size=120.0))
    assert found["box"] < 1e-6
    assert found["quality"] < 1e-3


def test_to_picture() -> None:
    points = torch.tensor([[[0.0, 0.0], [10.0, 4.0]]])
    matrix = torch.tensor([[[2.0, 0, 5], [0, 3, 1], [0, 0.1, 1]]])
    expected = torch.tensor([[[5.0, 1.0], [25 / 1.4, 13 / 1.4]]])
    torch.testing.assert_close(to_picture(points, matrix), expected)
