"""The verbs that live with training. `VERBS` is what the command line finds when this package is there."""

from __future__ import annotations

VERBS: dict[str, tuple[str, str]] = {
    "train": ("train.cli.train:train", "Teach the detector or the reader from labelled pictures."),
    "export": ("train.cli.export:export", "Convert trained weights to OpenVINO, f32 and INT8."),
    "eval": ("train.cli.eval:evaluate", "Measure on labelled pictures and videos."),
    "synth": ("train.cli.synth:synth", "Draw synthetic plates and clips with exact truth."),
}
