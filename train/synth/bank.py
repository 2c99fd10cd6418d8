"""Many drawn plates at once, for the trainings to start from."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from streamer.engine.runtime import available_cores
from train.synth.plate import PlateRenderer, RenderedPlate

FLAT_HEIGHT = 64.0  # px; as plates are kept: higher than any network sees them
CHUNK = 250  # plates that a process draws before it hands them over; fewer than two chunks are drawn here


def drawn_plates(count: int, seed: int, assets: Path | None) -> list[RenderedPlate]:
    """`count` plates of all layouts, `FLAT_HEIGHT` high, the same for the same seed and assets; drawn on all cores."""
    if not count:
        return []
    seeds = np.random.SeedSequence(seed).spawn(count)
    return list(track(_drawn(seeds, assets), "drawing plates", total=count, transient=True))


def _drawn(seeds: list[np.random.SeedSequence], assets: Path | None) -> Iterator[RenderedPlate]:
    chunks = [seeds[k : k + CHUNK] for k in range(0, len(seeds), CHUNK)]
    processes = min(available_cores(), len(chunks))
    if processes < 2:
        yield from _draw(seeds, assets)
        return
    # Spawned, not forked: OpenCV's threads do not survive a fork.
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_one_thread) as pool:
        for plates in pool.map(_draw, chunks, [assets] * len(chunks)):
            yield from plates


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _draw(seeds: list[np.random.SeedSequence], assets: Path | None) -> list[RenderedPlate]:
    return [shrunk(_renderer(assets).render(np.random.default_rng(s))) for s in seeds]


def shrunk(plate: RenderedPlate) -> RenderedPlate:
    scale = FLAT_HEIGHT / plate.image_bgr.shape[0]
    size = round(plate.image_bgr.shape[1] * scale), round(FLAT_HEIGHT)
    picture = cv2.resize(plate.image_bgr, size, interpolation=cv2.INTER_AREA)
    return replace(plate, image_bgr=picture, char_boxes=plate.char_boxes * scale)


@cache
def _renderer(assets: Path | None) -> PlateRenderer:
    """One a process: it reads fonts and glyphs."""
    return PlateRenderer(assets)
