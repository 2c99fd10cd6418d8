"""What is known of a camera: its fit, kept for a minute, its histograms, and a picture of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select

from streamer.config.outputs import StoreOutput
from streamer.fit.from_store import CameraFit, camera_fit
from streamer.serve.web.context import Site
from streamer.serve.web.faults import Missing
from streamer.serve.web.passages.pictures import path_of, size_of
from streamer.serve.web.roles import User
from streamer.store.detail import Picture
from streamer.store.schema import cameras, files, passages

DAYS = 7.0
PLOTS = ("heights", "hours", "confidence", "reads", "edges")
_KEPT_S = 60.0
_POINTS = 300
_STEPS = {"heights": (0, 80, 4), "confidence": (0.5, 1.0, 0.025), "reads": (0, 40, 2), "edges": (0, 40, 2)}
_kept: WeakKeyDictionary[Site, dict[str, tuple[float, CameraFit]]] = WeakKeyDictionary()


def names_of(site: Site, user: User) -> list[str]:
    """Cameras of the configuration, the run and the store that the user may see."""
    found = dict.fromkeys([] if site.config is None else site.config.cameras)
    found |= dict.fromkeys(one.name for one in site.cameras())
    if site.store is not None:
        with site.database().read() as connection:
            found |= dict.fromkeys(connection.execute(select(cameras.c.name).order_by(cameras.c.name)).scalars())
    return [name for name in found if user.sees(name)]


def known(site: Site, user: User, camera: str) -> str:
    """The camera's name; Missing where there is none, or the user may not see it."""
    if camera not in names_of(site, user):
        raise Missing("fit.missing")
    return camera


def fit_of(site: Site, camera: str, *, fresh: bool = False) -> CameraFit | None:
    """The camera's fit by the store; None without a store, or where that does not know it."""
    if site.store is None:
        return None
    kept = _kept.setdefault(site, {})
    now = time.monotonic()
    if not fresh and camera in kept and now - kept[camera][0] < _KEPT_S:
        return kept[camera][1]
    found = camera_fit(site.database(), camera, pictures=site.files, days=DAYS)
    if found is not None:
        kept[camera] = now, found
    return found


def keeps_rejected(site: Site) -> bool:
    """Whether the configuration says that tracks without a row are stored."""
    outputs = () if site.config is None else site.config.outputs
    return any(isinstance(one, StoreOutput) and one.path == site.store and one.rejections for one in outputs)


def plot_of(fit: CameraFit, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A histogram as plots.js draws it; `labels`: of the series."""
    if name == "hours":
        return {
            "x": list(range(24)), "x_kind": "number", "unit": "",
            "series": [{"label": labels["rows"], "values": [count for count, _ in fit.hours], "kind": "bars"}],
        }  # fmt: skip
    values = {
        "heights": [one.height for one in fit.measures.vehicles],
        "confidence": [one.confidence for one in fit.measures.vehicles],
        "reads": [float(one.reads) for one in fit.measures.vehicles],
        "edges": list(fit.edges),
    }[name]
    low, high, step = _STEPS[name]
    bins = round((high - low) / step) + (name != "confidence")  # the last one: that much and more
    counts = [0] * bins
    for value in values:
        counts[max(0, min(bins - 1, int((value - low) / step + 1e-9)))] += 1
    if not values:
        return {"x": [], "x_kind": "number", "unit": "", "series": []}
    middle = [round(low + (k + 0.5) * step, 4) for k in range(bins)]
    return {
        "x": middle, "x_kind": "number", "unit": "",
        "series": [{"label": labels["rows"], "values": counts, "kind": "bars"}],
    }  # fmt: skip


@dataclass(frozen=True)
class View:
    """A picture of the camera: a JPEG, or a file of the store; its width and height in px."""

    jpeg: bytes | None = None
    path: Path | None = None
    size: tuple[int, int] = (16, 9)


def view_of(site: Site, camera: str) -> View | None:
    """The newest picture: of the run, else the newest snapshot of the store."""
    if site.runs_cameras:
        shot = site.pictures.shot(camera, 1280, drawn=False)
        if shot is not None:
            return View(jpeg=shot.jpeg, size=(shot.width, shot.height))
    newest = _snapshot(site, camera)
    if newest is None:
        return None
    path, size = path_of(site, newest), size_of(site, newest)
    return None if path is None or size is None or not path.is_file() else View(path=path, size=size)


def points_of(site: Site, camera: str, size: tuple[int, int]) -> list[tuple[float, float]]:
    """Where the newest plates were read, as shares of the picture's width and height."""
    if site.store is None:
        return []
    wanted = (
        select(passages.c.details)
        .join(cameras, passages.c.camera_id == cameras.c.id)
        .where(cameras.c.name == camera, passages.c.status == "final")
        .order_by(passages.c.at.desc())
        .limit(_POINTS)
    )
    with site.database().read() as connection:
        rows = connection.execute(wanted).scalars().all()
    found = []
    for row in rows:
        x1, y1, x2, y2 = json.loads(row).get("box", (0.0, 0.0, 0.0, 0.0))
        x, y = (x1 + x2) / 2 / size[0], (y1 + y2) / 2 / size[1]
        if 0 < x < 1 and 0 < y < 1:
            found.append((round(x, 4), round(y, 4)))
    return found


def _snapshot(site: Site, camera: str) -> Picture | None:
    if site.store is None or site.files is None:
        return None
    wanted = (
        select(files.c.path, files.c.sha256, files.c.bytes)
        .join(passages, files.c.passage_id == passages.c.id)
        .join(cameras, passages.c.camera_id == cameras.c.id)
        .where(cameras.c.name == camera, files.c.kind == "snapshot")
        .order_by(passages.c.at.desc())
        .limit(1)
    )
    with site.database().read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else Picture(row.path, row.sha256, row.bytes)
