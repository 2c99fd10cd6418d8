"""Trained weights say the same in every precision: the zoo's files against what PyTorch said at their export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.engine.detector import Detector
from streamer.engine.reader import Reader
from streamer.engine.refiner import Refiner
from streamer.engine.zoo import zoo_folder
from streamer.geometry import box_iou_matrix, plate_height
from streamer.image.warp import frame_of
from streamer.types import Image
from train.export.golden import GOLDEN_SCORE, golden_crops, golden_cuts, golden_scenes, path_of

# precision -> least IoU, largest mean distance of corners as a share of the plate's height, largest change of score
DETECTOR_BOUNDS = {"f32": (0.98, 0.01, 0.01), "bf16": (0.90, 0.05, 0.06), "int8": (0.85, 0.08, 0.12)}
# precision -> largest mean distance of corners as a share of the plate's height, largest change of quality
REFINER_BOUNDS = {"f32": (0.002, 0.01), "bf16": (0.02, 0.08), "int8": (0.03, 0.15)}
# precision -> least share of equal texts, largest mean change of confidence
READER_BOUNDS = {"f32": (1.0, 0.005), "bf16": (0.95, 0.03), "int8": (0.93, 0.05)}


@pytest.fixture(scope="module")
def scenes() -> list[Image]:
    return list(golden_scenes())


@pytest.fixture(scope="module")
def crops() -> list[Image]:
    return list(golden_crops())


def said(model: str) -> Any:
    return json.loads(path_of(zoo_folder() / model).read_text(encoding="utf-8"))


def test_the_golden_answers_are_worth_comparing() -> None:
    plates = [p for picture in said("plate-detector-s") for p in picture]
    assert len(plates) >= 10
    texts = [r["text"] for r in said("plate-reader")]
    assert len({t for t in texts if len(t) >= 5}) >= 40


@pytest.mark.parametrize("name", ["plate-detector-s", "plate-detector-m"])
@pytest.mark.parametrize("precision", DETECTOR_BOUNDS)
def test_detector(name: str, precision: str, scenes: list[Image]) -> None:
    least_iou, corner_bound, score_bound = DETECTOR_BOUNDS[precision]
    detector = Detector(name, precision=precision, refiner=None)
    at_most = GOLDEN_SCORE
    corner: list[float] = []
    for image, golden in zip(scenes, said(name), strict=True):
        detector.min_score = at_most / 2
        found = detector.detect(frame_of(image))
        # Nothing clear is missing, and nothing clear is new; what lies beside the threshold may go either way.
        clear = [p for p in golden if p["score"] >= at_most + score_bound]
        boxes = np.array([p["box"] for p in golden]).reshape(-1, 4)
        iou = box_iou_matrix(boxes, found.box_xyxy)
        new = found.score >= at_most + score_bound
        assert (iou[:, new].max(0, initial=0) >= least_iou).all()
        for plate in clear:
            row = iou[golden.index(plate)]
            best = int(row.argmax())
            assert row[best] >= least_iou
            assert abs(found.score[best] - plate["score"]) <= score_bound
            quad = np.array(plate["quad"])
            distance = np.linalg.norm(found.quad[best] - quad, axis=-1).mean()
            corner.append(float(distance / plate_height(quad)))
    assert np.mean(corner) <= corner_bound


@pytest.mark.parametrize("precision", REFINER_BOUNDS)
def test_refiner(precision: str) -> None:
    corner_bound, quality_bound = REFINER_BOUNDS[precision]
    refiner = Refiner(precision=precision)
    found = np.stack([refiner.look(cut) for cut in golden_cuts()])
    golden = np.array(said("plate-refiner"), np.float32)
    assert found.shape == golden.shape
    shifts = (found - golden)[:, 1:].reshape(-1, 4, 2)
    assert np.linalg.norm(shifts, axis=-1).mean() <= corner_bound
    quality = [1 / (1 + np.exp(-rows[:, 0])) for rows in (found, golden)]
    assert np.abs(quality[0] - quality[1]).max() <= quality_bound


@pytest.mark.parametrize("precision", READER_BOUNDS)
def test_reader(precision: str, crops: list[Image]) -> None:
    least_equal, confidence_bound = READER_BOUNDS[precision]
    readings = Reader(precision=precision).read(crops)
    golden = said("plate-reader")
    # A reading that PyTorch itself was not sure of may turn with the last bit.
    sure = [(r, g) for r, g in zip(readings, golden, strict=True) if g["confidence"] >= 0.5]
    assert len(sure) >= 30
    assert np.mean([r.text == g["text"] for r, g in sure]) >= least_equal
    assert np.mean([abs(r.confidence - g["confidence"]) for r, g in sure]) <= confidence_bound


@pytest.mark.data
def test_int8_reads_real_plates_as_f32_does(data_dir: Path) -> None:
    import cv2

    from train.data.manifest import read_manifest
    from train.evaluate.run import limited

    samples = limited(read_manifest(data_dir, "crop", "dev"), 20)
    from streamer import PlateReader

    images = [cv2.imread(str(s.path)) for s in samples]
    texts = [[r.text for r in PlateReader(precision=precision).read_crops(images)] for precision in ("f32", "int8")]
    equal = np.mean([a == b for a, b in zip(*texts, strict=True)])
    assert len(images) >= 100
    assert equal >= 0.93
