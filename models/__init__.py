"""The networks as plain PyTorch modules, their losses and their export. No training loop lives here."""

import sys

# OpenVINO and NNCF report what they do to their makers where this package is there. Nothing of ours calls out.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
