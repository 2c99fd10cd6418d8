from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.detector.assign import assign_atss
from models.detector.boxes import (
    anchor_boxes,
    anchor_points,
    box_iou,
    decode_boxes,
    decode_corners,
    encode_boxes,
    encode_corners,
    flatten_levels,
    integral,
)
from models.detector.loss import DetectorLoss, Targets, background_weight, diou_loss, distribution_focal_loss
from models.detector.network import SIZES, PlateDetector
from streamer.engine.decode import decode_levels
from streamer.engine.decode import integral as integral_numpy

SIDE = 128


def targets(boxes: list[list[float]], complete: bool = True, ignore: list[list[float]] | None = None) -> Targets:
    b = torch.tensor(boxes, dtype=torch.float32).reshape(1, -1, 4)
    quads = torch.stack([b[..., [0, 1]], b[..., [2, 1]], b[..., [2, 3]], b[..., [0, 3]]], -2)
    dark = torch.tensor(ignore or [], dtype=torch.float32).reshape(1, -1, 4)
    n = b.shape[1]
    unknown = torch.zeros(1, 0, 4) if complete else torch.tensor([[[0.0, 0.0, 1e4, 1e4]]])
    valid, trusted = torch.ones(1, n, dtype=torch.bool), torch.ones(1, n)
    return Targets(b, valid, quads, trusted, trusted.clone(), dark, unknown)


@pytest.mark.parametrize(("height", "width"), [(384, 640), (640, 384), (544, 960), (128, 128)])
def test_output_shapes(height: int, width: int) -> None:
    net = PlateDetector().eval()
    with torch.no_grad():
        levels = net(torch.zeros(2, 3, height, width))
    assert [tuple(x.shape) for x in levels] == [(2, 77, height // s, width // s) for s in (8, 16, 32)]


def test_size_is_the_stated_one() -> None:
    parameters = sum(p.numel() for p in PlateDetector(SIZES["s"]).parameters())
    assert 0.30e6 < parameters < 0.34e6


def test_widths_fill_registers() -> None:
    size = SIZES["s"]
    assert all(w % 16 == 0 for w in (size.stem, *size.widths, size.neck, size.head))


@pytest.mark.parametrize("k", range(17))
def test_integral_of_one_hot_is_its_index(k: int) -> None:
    logits = torch.full((17,), -1e4)
    logits[k] = 1e4
    assert float(integral(logits)) == pytest.approx(k, abs=1e-4)
    assert float(integral_numpy(logits.double().numpy())) == pytest.approx(k, abs=1e-9)


def test_integral_of_uniform_is_the_middle() -> None:
    assert float(integral(torch.zeros(17))) == pytest.approx(8.0)


@given(st.lists(st.floats(0, 600), min_size=4, max_size=4))
def test_boxes_and_corners_round_trip(values: list[float]) -> None:
    points, strides = anchor_points(SIDE, SIDE)
    x1, y1, w, h = values
    boxes = torch.tensor([x1, y1, x1 + w, y1 + h]).expand(len(points), 4)
    back = decode_boxes(points, strides, encode_boxes(points, strides, boxes))
    torch.testing.assert_close(back, boxes, atol=1e-2, rtol=1e-4)
    quads = torch.tensor([[x1, y1], [x1 + w, y1 - 3], [x1 + w, y1 + h], [x1, y1 + h]]).expand(len(points), 4, 2)
    back = decode_corners(points, strides, encode_corners(points, strides, quads))
    torch.testing.assert_close(back, quads, atol=1e-2, rtol=1e-4)


def test_anchor_centres_are_half_a_cell_in_and_anchors_two_to_one() -> None:
    points, strides = anchor_points(64, 64)
    assert points[0].tolist() == [4.0, 4.0]
    assert points[64].tolist() == [8.0, 8.0]  # 8 x 8 cells of stride 8 come first
    assert points[-1].tolist() == [48.0, 48.0]
    size = anchor_boxes(points, strides)[:, 2:] - anchor_boxes(points, strides)[:, :2]
    torch.testing.assert_close(size[:, 0], 2 * size[:, 1])
    torch.testing.assert_close(size.prod(-1), (6 * strides) ** 2)


@pytest.mark.parametrize(
    ("logit_peak", "target", "small"),
    [(3, 3.0, True), (3, 4.0, False), (16, 20.0, True), (0, 0.0, True)],  # a target beyond n is clamped to n
)
def test_dfl_is_small_where_the_mass_is(logit_peak: int, target: float, small: bool) -> None:
    logits = torch.zeros(1, 17)
    logits[0, logit_peak] = 12.0
    loss = float(distribution_focal_loss(logits, torch.tensor([target])))
    assert np.isfinite(loss)
    assert (loss < 1.5) is small


def test_dfl_between_bins_is_least_for_the_two_neighbours() -> None:
    both = torch.full((1, 17), -9.0)
    both[0, 3] = both[0, 4] = 5.0
    one = torch.full((1, 17), -9.0)
    one[0, 3] = 5.0
    target = torch.tensor([3.5])
    assert distribution_focal_loss(both, target) < distribution_focal_loss(one, target)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 0, 2, 2], [0, 0, 2, 2], 0.0),
        ([0, 0, 2, 2], [2, 0, 4, 2], 1 + 4 / 20),  # touching: IoU 0, centres 2 apart, hull 4 x 2
    ],
)
def test_diou_table(a: list[float], b: list[float], expected: float) -> None:
    assert float(diou_loss(torch.tensor(a), torch.tensor(b))) == pytest.approx(expected, abs=1e-4)


class TestAssign:
    def setup_method(self) -> None:
        self.points, self.strides = anchor_points(SIDE, SIDE)
        self.anchors = anchor_boxes(self.points, self.strides)

    def assign(self, t: Targets) -> torch.Tensor:
        return assign_atss(self.points, self.strides, self.anchors, t.boxes, t.valid).plate[0]

    def test_no_plate(self) -> None:
        assert (self.assign(targets([])) == -1).all()

    def test_padding_takes_nothing(self) -> None:
        t = targets([[20, 20, 65, 43], [0, 0, 128, 128]])
        t.valid[0, 1] = False
        assert set(self.assign(t).tolist()) == {-1, 0}

    def test_positives_lie_inside_their_plate(self) -> None:
        plate = self.assign(targets([[20, 20, 65, 43]]))
        chosen = self.points[plate == 0]
        assert len(chosen) > 0
        assert ((chosen > torch.tensor([20.0, 20.0])) & (chosen < torch.tensor([65.0, 43.0]))).all()

    def test_every_plate_gets_a_location(self) -> None:
        plate = self.assign(targets([[10, 10, 55, 33], [60, 80, 120, 110], [70, 5, 90, 15]]))
        assert {0, 1, 2} <= set(plate.tolist())

    def test_claimed_twice_goes_to_the_larger_iou(self) -> None:
        t = targets([[20, 20, 65, 43], [16, 16, 69, 47]])
        plate = self.assign(t)
        iou = torch.stack([box_iou(self.anchors, b) for b in t.boxes[0]])
        contested = (plate >= 0).nonzero().flatten()
        assert any(plate[i] == iou[:, i].argmax() for i in contested)

    def test_a_batch_is_assigned_as_its_images_alone(self) -> None:
        one, two = targets([[20, 20, 65, 43]]), targets([[60, 80, 120, 110]])
        both = assign_atss(
            self.points,
            self.strides,
            self.anchors,
            torch.cat([one.boxes, two.boxes]),
            torch.cat([one.valid, two.valid]),
        ).plate
        assert torch.equal(both, torch.stack([self.assign(one), self.assign(two)]))


class TestLowPlates:
    @pytest.mark.parametrize("box", [[33, 33, 50, 35.5], [33, 37, 45, 39], [2, 60.5, 30, 63]])
    def test_a_plate_lower_than_the_stride_is_not_background(self, box: list[float]) -> None:
        points, strides = anchor_points(64, 64)
        gt, valid = torch.tensor([[box]]), torch.ones(1, 1, dtype=torch.bool)
        found = assign_atss(points, strides, anchor_boxes(points, strides), gt, valid)
        assert int(found.positive.sum()) >= 1


class TestLoss:
    def levels(self, seed: int = 0) -> tuple[torch.Tensor, ...]:
        generator = torch.Generator().manual_seed(seed)
        made = (torch.randn(1, 77, SIDE // s, SIDE // s, generator=generator) for s in (8, 16, 32))
        return tuple(x.requires_grad_() for x in made)

    def test_an_image_without_plates_has_a_finite_class_loss_and_no_box_loss(self) -> None:
        levels = self.levels()
        losses = DetectorLoss()(levels, targets([]))
        assert torch.isfinite(losses["quality"])
        assert float(losses["quality"].detach()) > 0
        for name in ("box", "dfl", "corner"):
            assert float(losses[name].detach()) == 0
        losses["total"].backward()
        assert all(torch.isfinite(x.grad).all() for x in levels)

    def test_all_losses_are_finite_and_teach(self) -> None:
        levels = self.levels()
        losses = DetectorLoss()(levels, targets([[20, 20, 65, 43], [60, 80, 120, 110]]))
        assert all(torch.isfinite(v) for v in losses.values())
        losses["total"].backward()
        assert all(float(x.grad.abs().sum()) > 0 for x in levels)

    def test_untrusted_corners_teach_no_corners(self) -> None:
        t = targets([[20, 20, 65, 43]])
        t.has_quad.zero_()
        losses = DetectorLoss()(self.levels(), t)
        assert float(losses["corner"].detach()) == 0
        assert float(losses["box"].detach()) > 0

    @pytest.mark.parametrize(
        ("complete", "ignore", "dark_share"),
        [(True, [], 0.0), (True, [[0, 0, 128, 64]], 0.5), (False, [], 1.0)],
    )
    def test_background_is_not_taught_where_nothing_is_known(
        self, complete: bool, ignore: list[list[float]], dark_share: float
    ) -> None:
        points, _ = anchor_points(SIDE, SIDE)
        weight = background_weight(points, targets([], complete, ignore))
        assert float((weight == 0).float().mean()) == pytest.approx(dark_share, abs=0.1)

    def test_around_a_labelled_plate_an_incomplete_picture_still_teaches(self) -> None:
        points, _ = anchor_points(SIDE, SIDE)
        weight = background_weight(points, targets([[40, 40, 80, 60]], complete=False))[0]
        near = (points - torch.tensor([60.0, 50.0])).abs()
        assert (weight[(near[:, 0] < 55) & (near[:, 1] < 25)] == 1).all()
        assert (weight[(near[:, 0] > 62) | (near[:, 1] > 32)] == 0).all()


def test_numpy_and_torch_decode_alike() -> None:
    generator = torch.Generator().manual_seed(3)
    levels = [torch.randn(1, 77, SIDE // s, SIDE // s, generator=generator) for s in (8, 16, 32)]
    box, score, quad = decode_levels([x[0].permute(1, 2, 0).numpy() for x in levels], 0.3)
    points, strides = anchor_points(SIDE, SIDE)
    out = flatten_levels(levels)[0].double()
    keep = out[:, 0].sigmoid() >= 0.3
    out, points, strides = out[keep], points[keep].double(), strides[keep].double()
    order = out[:, 0].argsort(descending=True, stable=True)[:300]
    out, points, strides = out[order], points[order], strides[order]
    distances = integral(out[:, 1:69].unflatten(-1, (4, 17)))
    np.testing.assert_allclose(box, decode_boxes(points, strides, distances).numpy(), atol=1e-6)
    np.testing.assert_allclose(quad, decode_corners(points, strides, out[:, 69:]).numpy(), atol=1e-6)
    np.testing.assert_allclose(score, out[:, 0].sigmoid().numpy(), atol=1e-9)


def test_nothing_scores_gives_empty_arrays() -> None:
    levels = [np.full((4, 4, 77), -9.0, np.float32) for _ in range(3)]
    box, score, quad = decode_levels(levels, 0.5)
    assert (box.shape, score.shape, quad.shape) == ((0, 4), (0,), (0, 4, 2))
