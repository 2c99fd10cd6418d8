"""From PyTorch weights to OpenVINO IR: f32, and INT8 by post-training quantisation.

The input is uint8 NHWC BGR with mean and scale inside the graph. One file a network and precision; the shape is set
when it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino as ov
import torch
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
from nncf.quantization.range_estimator import RangeEstimatorParametersSet
from openvino.preprocess import PrePostProcessor
from torch import nn

from models.detector.network import MEAN, SCALE


def to_openvino(module: nn.Module, example: torch.Tensor, shape: list[int], dynamic: dict[int, Any]) -> ov.Model:
    """Converts by torch.export. `example` (N, 3, H, W) float; `shape` the partial input shape with -1 for free axes;
    `dynamic` names those axes for torch.export."""
    module.eval()
    with torch.no_grad():
        program = torch.export.export(module, (example,), dynamic_shapes=(dynamic,) if dynamic else None)
        network = ov.convert_model(program)
    network.reshape(shape)
    prepost = PrePostProcessor(network)
    prepost.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    prepost.input().model().set_layout(ov.Layout("NCHW"))
    prepost.input().preprocess().convert_element_type(ov.Type.f32).mean(MEAN).scale(SCALE)
    for i, output in enumerate(network.outputs):
        if output.partial_shape.rank.get_length() == 4:
            # The channels of a location side by side, as the convolutions have them: one reordering less, and the few
            # locations that score are read in one piece.
            prepost.output(i).model().set_layout(ov.Layout("NCHW"))
            prepost.output(i).tensor().set_layout(ov.Layout("NHWC"))
    return prepost.build()


def detector_to_openvino(module: nn.Module) -> ov.Model:
    h, w = torch.export.Dim("h", min=4, max=40), torch.export.Dim("w", min=4, max=40)
    return to_openvino(module, torch.zeros(1, 3, 384, 640), [1, 3, -1, -1], {2: 32 * h, 3: 32 * w})


def refiner_to_openvino(module: nn.Module) -> ov.Model:
    return to_openvino(module, torch.zeros(1, 3, 48, 96), [1, 3, 48, 96], {})


def reader_to_openvino(module: nn.Module) -> ov.Model:
    return to_openvino(module, torch.zeros(1, 3, 48, 128), [1, 3, 48, 128], {})


def save(network: ov.Model, path: Path) -> None:
    """Writes .xml and .bin; weights are stored as f16 (half the size) and computed with in f32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(network, path, compress_to_fp16=True)


def quantise(
    network: ov.Model,
    images: Iterable[np.ndarray],
    transformer: bool,
    count: int,
    kept: Sequence[str] = (),
) -> ov.Model:
    """INT8 by NNCF, calibrated on real pictures (1, H, W, 3) uint8 as the network gets them.

    `kept`: types of operations that stay in floats. The range of activations is the largest ever seen and not, as by
    default, the mean of each picture's largest (which clips the rare picture with plates), and biases are corrected by
    running the network and not from statistics: slower, and as good as floats on dev.
    """
    return nncf.quantize(
        network,
        nncf.Dataset(list(images)),
        preset=nncf.QuantizationPreset.PERFORMANCE if not transformer else nncf.QuantizationPreset.MIXED,
        model_type=nncf.ModelType.TRANSFORMER if transformer else None,
        subset_size=count,
        fast_bias_correction=False,
        ignored_scope=nncf.IgnoredScope(types=list(kept)) if kept else None,
        advanced_parameters=AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
    )
