"""The plates that are pasted into scenes: flat pictures of real training plates and of drawn ones, kept in one file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from streamer.geometry import for_pixel_centres, homography, side_lengths
from streamer.types import FloatArray, Image
from train.data.cache import PictureCache
from train.data.detection import TRUST, PlateBank
from train.data.manifest import PlateLabel, Sample, is_validation
from train.data.open import open_datasets
from train.loop.config import TrainConfig
from train.synth.bank import FLAT_HEIGHT, drawn_plates


def flat_plate(image: Image, quad: FloatArray, height: float = FLAT_HEIGHT) -> Image:
    """The plate inside the quad (4, 2), seen from straight ahead."""
    top, right, bottom, left = side_lengths(quad)
    h = min(height, max(12.0, (left + right) / 2))
    w = float(np.clip((top + bottom) / max(left + right, 1e-6) * h, 0.8 * h, 6 * h))
    target = np.array([[0, 0], [w, 0], [w, h], [0, h]])
    m = for_pixel_centres(homography(quad, target))
    size = (round(w), round(h))
    flat: Image = cv2.warpPerspective(image, m, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return flat


def corners_of(plate: PlateLabel) -> FloatArray | None:
    quad = plate.quad if plate.quad is not None else plate.quad_machine
    return None if quad is None else np.array(quad, float)


def real_plates(samples: Sequence[Sample]) -> list[Image]:
    """Flat plates of all crops whose corners are known."""
    found = []
    for s in track(samples, "flattening real plates", transient=True):
        for plate in s.plates:
            quad = corners_of(plate)
            if quad is not None and (image := cv2.imread(str(s.path))) is not None:
                found.append(flat_plate(image, quad))
    return found


def store(file: Path, key: object, make: Callable[[], Sequence[Image]]) -> PictureCache:
    """Pictures kept under a key; made when they are not there yet."""
    digest = hashlib.sha256(json.dumps(key, default=str).encode()).hexdigest()[:16]
    data, index = file.with_name(f"{file.name}-{digest}.u8"), file.with_name(f"{file.name}-{digest}.npz")
    if not index.exists():
        data.parent.mkdir(parents=True, exist_ok=True)
        images = make()
        with data.open("wb") as out:
            for image in images:
                out.write(np.ascontiguousarray(image).tobytes())
        sizes = np.array([image.size for image in images], np.int64)
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        partial = index.with_suffix(".tmp.npz")
        np.savez(partial, offsets=offsets, shapes=np.array([i.shape[:2] for i in images]))
        partial.replace(index)
    found = np.load(index)
    return PictureCache(data, found["offsets"], found["shapes"], np.ones(len(found["shapes"])))


def plate_bank(config: TrainConfig, data: Sequence[str], folder: Path) -> PlateBank | None:
    """Real and drawn plates in one bank; None when the data has no corners and nothing is drawn."""
    crops = [s for s in open_datasets(data, "train") if s.kind == "crop" and not is_validation(s)]
    crops = [s for s in crops if s.quad_quality is None and any(corners_of(p) is not None for p in s.plates)]

    def make() -> list[Image]:
        plates = real_plates(crops)
        if config.synthetic:
            drawn = drawn_plates(config.synthetic, config.seed, assets_of(config, data))
            plates += [p.image_bgr for p in drawn]
        return plates

    if not crops and not config.synthetic:
        return None
    key = ["bank", config.synthetic, config.seed, config.synthetic_assets, [s.relative for s in crops]]
    pictures = store(folder / "bank", key, make)
    real = len(pictures) - config.synthetic
    return PlateBank(pictures, np.concatenate([np.full(real, TRUST["machine"]), np.ones(config.synthetic)]))


def assets_of(config: TrainConfig, data: Sequence[str]) -> Path | None:
    """The folder of fonts and blanks beside a manifest, where there is one and it is wanted."""
    if not config.synthetic_assets:
        return None
    folders = (Path(d) / "assets" for d in data if not d.startswith(("ccpd:", "openalpr:")))
    return next((f for f in folders if f.is_dir()), None)
