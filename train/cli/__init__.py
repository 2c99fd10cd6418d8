"""The verbs that need the training extra. The command line adds `VERBS` where this package can be imported."""

from __future__ import annotations

VERBS: dict[str, tuple[str, str]] = {
    "train": ("train.cli.train:train", "Train the detector, the refiner or the reader on labelled pictures."),
    "export": ("train.cli.export:export", "Convert trained weights to an OpenVINO model in f32 and INT8."),
    "eval": ("train.cli.eval:evaluate", "Measure models on labelled pictures and videos."),
    "synth": ("train.cli.synth:synth", "Draw synthetic plates, pictures and videos with exact labels."),
}
