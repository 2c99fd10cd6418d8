"""A data folder as a user would make it, drawn: for the tests of training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamer.geometry import quad_box
from train.synth.clip import ClipScene
from train.synth.plate import PlateRenderer


def drawn_folder(root: Path) -> Path:
    """Drawn scenes with boxes and corners, drawn crops with texts, and their manifest."""
    root.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    clip = ClipScene(2.0, 5, (480, 270), 2, 3)
    for k in range(clip.frames):
        plates = []
        for p in clip.passages:
            quad = clip.quads(p).get(k)
            if quad is not None:
                text = p.vehicle.plate.text
                plates.append({"text": text, "box": quad_box(quad).tolist(), "quad": quad.tolist()})
        cv2.imwrite(str(root / f"s{k}.jpg"), clip.frame(k))
        rows.append(row_of(f"s{k}.jpg", "scene", (480, 270), plates))
    renderer = PlateRenderer(None, system_fonts=False)
    for k in range(60):
        plate = renderer.render(np.random.default_rng(k))
        picture = cv2.resize(plate.image_bgr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(root / f"c{k}.png"), picture)
        size = picture.shape[1], picture.shape[0]
        rows.append(row_of(f"c{k}.png", "crop", size, [{"text": plate.text, "rows": plate.rows}]))
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    (root / "manifest.jsonl").write_text(lines, encoding="utf-8")
    return root


def row_of(path: str, kind: str, size: tuple[int, int], plates: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "path": path, "kind": kind, "country": "CN", "split": "train", "size": list(size), "plates": plates,
        "complete": True,
    }  # fmt: skip
