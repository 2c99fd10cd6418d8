"""Decodes every training picture once into one flat file of bytes, so that no epoch decodes again.

The file is memory-mapped: loader processes share it through the page cache, and a restarted run finds it ready.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from streamer.errors import InputError
from streamer.types import Image


@dataclass(frozen=True)
class PictureCache:
    """Picture `i` as (H, W, 3) uint8 BGR, shrunk so that its longer side is at most `max_side`; `scale` (n,) is the
    factor: stored = original * scale."""

    file: Path
    offsets: np.ndarray
    shapes: np.ndarray
    scale: np.ndarray

    @cached_property
    def data(self) -> np.memmap:
        """Opened where it is first used, so that a loader process gets a path and not a copy of the bytes."""
        return np.memmap(self.file, np.uint8, "r")

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "data"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, i: int) -> Image:
        h, w = self.shapes[i]
        start = self.offsets[i]
        return np.asarray(self.data[start : start + h * w * 3]).reshape(h, w, 3)


def write_whole(file: Path, text: str) -> None:
    """Writes a file so that a kill leaves either none or all of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".tmp")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)


Region = tuple[int, int, int, int]  # x1, y1, x2, y2 px of the original


def decode_picture(path: Path, max_side: int, region: Region | None = None) -> tuple[Image, float]:
    """Reads a picture, keeps the region and shrinks it by area. InputError names a file that cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path}: cannot be read as a picture; remove it from the data or restore the file")
    if region is not None:
        x1, y1, x2, y2 = region
        image = image[y1:y2, x1:x2]
    scale = min(1.0, max_side / max(image.shape[:2]))
    if scale < 1:
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return image, scale


def build_cache(
    paths: Sequence[Path], folder: Path, max_side: int, regions: Sequence[Region | None] | None = None
) -> PictureCache:
    """The cache of these pictures (or of one region of each) in that folder, made where it is not there yet."""
    stamp = [(str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in paths]
    key = hashlib.sha256(json.dumps([max_side, stamp, regions]).encode()).hexdigest()[:16]
    data_file, index_file = folder / f"{key}.u8", folder / f"{key}.npz"
    if not index_file.exists():
        _write(paths, regions or [None] * len(paths), data_file, index_file, max_side)
    index = np.load(index_file)
    return PictureCache(data_file, index["offsets"], index["shapes"], index["scale"])


def _write(
    paths: Sequence[Path], regions: Sequence[Region | None], data_file: Path, index_file: Path, max_side: int
) -> None:
    data_file.parent.mkdir(parents=True, exist_ok=True)
    offsets, shapes, scales, at = [], [], [], 0
    with ThreadPoolExecutor() as pool, data_file.open("wb") as out:
        pictures = pool.map(lambda p, r: decode_picture(p, max_side, r), paths, regions)
        for image, scale in track(pictures, "decoding pictures once", total=len(paths), transient=True):
            out.write(image.tobytes())
            offsets.append(at)
            shapes.append(image.shape[:2])
            scales.append(scale)
            at += image.size
    # The index is written last: an incomplete cache is built again.
    partial = index_file.with_suffix(".tmp.npz")
    np.savez(partial, offsets=np.array(offsets), shapes=np.array(shapes), scale=np.array(scales))
    partial.replace(index_file)
