"""Many drawn plates at once, for the trainings to start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.progress import track

from train.synth.plate import PlateRenderer, RenderedPlate


def drawn_plates(count: int, seed: int, assets: Path | None) -> list[RenderedPlate]:
    """`count` plates of all layouts, the same for the same seed and assets."""
    if not count:
        return []
    renderer = PlateRenderer(assets)
    seeds = np.random.SeedSequence(seed).spawn(count)
    return [renderer.render(np.random.default_rng(s)) for s in track(seeds, "drawing plates", transient=True)]
