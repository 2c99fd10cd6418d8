"""Converted networks compute what PyTorch computes, whatever the weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch
from netkit import shaken
from torch import nn

from models.detector.network import PlateDetector, normalise
from models.export import detector_to_openvino, reader_to_openvino, save
from models.reader.network import PlateReaderNet

pytestmark = pytest.mark.slow


def outputs(network: ov.Model | Path, picture: np.ndarray) -> list[np.ndarray]:
    core = ov.Core()
    model = core.read_model(network) if isinstance(network, Path) else network
    model.reshape(list(picture.shape))
    request = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    request.infer([picture])
    return [tensor.data.copy() for tensor in request.output_tensors]


def in_torch(module: nn.Module, picture: np.ndarray) -> list[np.ndarray]:
    """What PyTorch says, maps with their channels last as the exported networks give them."""
    with torch.no_grad():
        out = module(normalise(torch.from_numpy(picture).permute(0, 3, 1, 2)))
    return [o.permute(0, 2, 3, 1).numpy() if o.ndim == 4 else o.numpy() for o in out]


def close(a: list[np.ndarray], b: list[np.ndarray], share: float) -> None:
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape
        assert np.abs(x - y).max() <= share * np.abs(y).max()


@pytest.mark.parametrize("size", [(384, 640), (640, 384), (544, 960)])
def test_detector_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    module = shaken(PlateDetector).eval()
    picture = np.random.default_rng(1).integers(0, 256, (1, *size, 3), np.uint8)
    network = detector_to_openvino(module)
    save(network, tmp_path / "d.xml")
    expected = in_torch(module, picture)
    close(outputs(network, picture), expected, 1e-4)
    close(outputs(tmp_path / "d.xml", picture), expected, 1e-2)  # stored as f16


@pytest.mark.parametrize("count", [1, 3])
def test_reader(tmp_path: Path, count: int) -> None:
    module = shaken(lambda: PlateReaderNet(90)).eval()
    picture = np.random.default_rng(2).integers(0, 256, (count, 48, 128, 3), np.uint8)
    network = reader_to_openvino(module)
    save(network, tmp_path / "r.xml")
    expected = in_torch(module, picture)
    for k in range(count):
        one = [e[k : k + 1] for e in expected]
        close(outputs(network, picture[k : k + 1]), one, 1e-3)
        close(outputs(tmp_path / "r.xml", picture[k : k + 1]), one, 2e-2)
