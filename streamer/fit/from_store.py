"""How fit a camera is by what a store has of it: its newest rows, their crops, tracks without a row, and outages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, func, select

from streamer.fit.measure import Measures, Vehicle
from streamer.fit.sharpness import Sharpness, sharpness_of
from streamer.fit.verdict import Finding, Fit, Level, judged
from streamer.store.database import Database
from streamer.store.schema import cameras, files, health, passages, plates, rejection_crops, rejections
from streamer.store.times import moment, now
from streamer.types import Image

_ROWS, _REJECTED = 2000, 5000  # the newest
_CROPS = 60  # whose sharpness is measured
_SAMPLES = 6  # crops of each reason
_ALONG, _ACROSS = 0.2, 0.35  # margins of kept crops, as shares of the plate's width and height (pipeline/state.py)
_DAY = range(6, 18)  # o'clock
_FLICKER = "seen too rarely"  # mostly things that are no plates
_MANY_REJECTED = 0.3
_DOWN_WEAK, _DOWN_BAD = 0.01, 0.1
_REMEDIES = {
    "too small to read": "make plates larger: zoom in, move closer, or read the camera's main stream",
    "read too rarely": "let vehicles be in view longer: a narrower angle to the lane, or more frames per second",
    "nothing legible": "focus and light on where plates are read, a shorter shutter, and a smaller angle to the lane",
    "not sure enough": "sharper and larger plates: zoom, focus, a shorter shutter, a higher bit rate",
    "found too weakly": "cover less of the picture with what looks like plates: zones to ignore signs and texts",
}
# The reasons that a change for this finding takes away.
_BY_CHANGE = {
    "plate height": ("too small to read", "not sure enough"), "sharpness": ("nothing legible", "not sure enough"),
    "exposure of plates": ("nothing legible", "not sure enough"), "rows": ("read too rarely",),
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Rows of a part of the day: how many, and the medians of their plates' height (px), confidence and readings."""

    rows: int
    height: float | None = None
    confidence: float | None = None
    reads: float | None = None


@dataclass(frozen=True)
class Rejected:
    """Tracks without a row for one reason. `samples`: numbers of those whose crop is kept, the newest first."""

    reason: str
    setting: str | None
    count: int
    samples: tuple[int, ...]


@dataclass(frozen=True)
class CameraFit:
    """`fit` by `measures`; `hours`: rows and median confidence by hour of the clock; `brings`: tracks without a row, in
    the days looked at, that the first change would be for; `seen`: time of the newest row; `unfinished`: rows that are
    not final yet; `keeps_rejected`: whether the store has any track without a row."""

    camera: str
    days: float
    measures: Measures
    fit: Fit
    day: Part
    night: Part
    hours: tuple[tuple[int, float | None], ...]
    rejected: tuple[Rejected, ...]
    down: float
    outages: int
    brings: int
    seen: int | None = None
    edges: tuple[float, ...] = field(default=())
    unfinished: int = 0
    keeps_rejected: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.measures.vehicles and not self.rejected


def camera_fit(
    database: Database, camera: str, *, pictures: Path | None = None, days: float = 7, at: int | None = None
) -> CameraFit | None:
    """The camera's fit by the last days; None where the store has no such camera. `pictures`: the store's folder of
    them, for sharpness."""
    at = now() if at is None else at
    since = at - int(days * 86_400e6)
    with database.read() as connection:
        number = connection.execute(select(cameras.c.id).where(cameras.c.name == camera)).scalar()
        if number is None:
            return None
        rows = _rows(connection, number, since)
        rejected = tuple(_rejected(connection, number, since))
        keeps = bool(rejected) or connection.execute(select(rejections.c.id).limit(1)).first() is not None
        unfinished = _unfinished(connection, number, since)
        down, outages = _down(connection, number, since, at)
        crops = _crops(connection, number, since) if pictures is not None else []
    measures = Measures(heights=[row.height for row in rows], confidences=[row.confidence for row in rows])
    measures.vehicles = [Vehicle(row.plate, row.confidence, row.reads, row.seconds, row.height) for row in rows]
    measures.rejected = Counter({one.reason: one.count for one in rejected})
    measures.sharp = list(_sharpness(pictures, crops)) if pictures is not None else []
    fit = judged(measures, tuple(_more(measures, down, outages, days)))
    hours = [[row.confidence for row in rows if row.hour == hour] for hour in range(24)]
    return CameraFit(
        camera=camera,
        days=days,
        measures=measures,
        fit=fit,
        day=_part([row for row in rows if row.hour in _DAY]),
        night=_part([row for row in rows if row.hour not in _DAY]),
        hours=tuple((len(some), median(some) if some else None) for some in hours),
        rejected=rejected,
        down=down,
        outages=outages,
        brings=_brings(fit, measures.rejected),
        seen=rows[0].at if rows else None,
        edges=tuple(100 * max(one.along, one.across) for one in measures.sharp),
        unfinished=unfinished,
        keeps_rejected=keeps,
    )


def crop_of(database: Database, number: int) -> tuple[str, bytes] | None:
    """The camera and the PNG of a track without a row; None where none is kept."""
    wanted = (
        select(cameras.c.name, rejection_crops.c.png)
        .join(rejections, rejection_crops.c.rejection_id == rejections.c.id)
        .join(cameras, rejections.c.camera_id == cameras.c.id)
        .where(rejections.c.id == number)
    )
    with database.read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else (str(row.name), bytes(row.png))


@dataclass(frozen=True)
class _Row:
    plate: str
    confidence: float
    reads: int
    seconds: float
    height: float
    hour: int
    at: int


def _rows(connection: Connection, number: int, since: int) -> list[_Row]:
    wanted = (
        select(
            passages.c.at, passages.c.offset_s, passages.c.confidence, passages.c.n_reads, passages.c.dwell_s,
            passages.c.details, plates.c.text,
        )
        .join(plates, passages.c.plate_id == plates.c.id)
        .where(passages.c.camera_id == number, passages.c.at >= since, passages.c.status == "final")
        .order_by(passages.c.at.desc())
        .limit(_ROWS)
    )  # fmt: skip
    found = []
    for row in connection.execute(wanted):
        _, top, _, bottom = json.loads(row.details).get("box", (0.0, 0.0, 0.0, 0.0))
        if bottom > top:
            hour = moment(row.at, row.offset_s).hour
            found.append(_Row(row.text, row.confidence, row.n_reads, row.dwell_s, bottom - top, hour, row.at))
    return found


def _unfinished(connection: Connection, number: int, since: int) -> int:
    states = passages.c.status.in_(("provisional", "waiting"))
    wanted = select(func.count()).where(passages.c.camera_id == number, passages.c.at >= since, states)
    return int(connection.execute(wanted).scalar_one())


def _rejected(connection: Connection, number: int, since: int) -> Iterator[Rejected]:
    newest = (
        select(rejections.c.id, rejections.c.reason, rejections.c.details, rejection_crops.c.rejection_id)
        .outerjoin(rejection_crops, rejection_crops.c.rejection_id == rejections.c.id)
        .where(rejections.c.camera_id == number, rejections.c.at >= since)
        .order_by(rejections.c.at.desc())
        .limit(_REJECTED)
    )
    counts: Counter[str] = Counter()
    settings: dict[str, str | None] = {}
    samples: dict[str, list[int]] = {}
    for row in connection.execute(newest):
        counts[row.reason] += 1
        if row.reason not in settings:
            settings[row.reason] = json.loads(row.details).get("setting")
        if row.rejection_id is not None and len(samples.setdefault(row.reason, [])) < _SAMPLES:
            samples[row.reason].append(row.id)
    for reason, count in counts.most_common():
        yield Rejected(reason, settings[reason], count, tuple(samples.get(reason, ())))


def _down(connection: Connection, number: int, since: int, at: int) -> tuple[float, int]:
    """The share of the time in which the camera was lost, and how often it was, of when a run knew it."""
    of_camera = health.c.camera_id == number
    before = connection.execute(
        select(health.c.up).where(of_camera, health.c.at < since).order_by(health.c.at.desc()).limit(1)
    ).scalar()
    rows = connection.execute(
        select(health.c.at, health.c.up).where(of_camera, health.c.at >= since).order_by(health.c.at)
    ).all()
    if before is None and not rows:
        return 0.0, 0
    begin = since if before is not None else rows[0].at
    up, last, lost, outages = bool(before) if before is not None else rows[0].up, begin, 0, 0
    for row in rows:
        lost += 0 if up else row.at - last
        outages += bool(up and not row.up)
        up, last = row.up, row.at
    lost += 0 if up else at - last
    return lost / max(at - begin, 1), outages


def _crops(connection: Connection, number: int, since: int) -> list[tuple[str, float]]:
    """Paths of the newest crops, with the heights of their plates."""
    wanted = (
        select(files.c.path, passages.c.details)
        .join(files, and_(files.c.passage_id == passages.c.id, files.c.kind == "crop"))
        .where(passages.c.camera_id == number, passages.c.at >= since)
        .order_by(passages.c.at.desc())
        .limit(_CROPS)
    )
    found = []
    for row in connection.execute(wanted):
        _, top, _, bottom = json.loads(row.details).get("box", (0.0, 0.0, 0.0, 0.0))
        found.append((row.path, bottom - top))
    return found


def _sharpness(folder: Path, crops: Sequence[tuple[str, float]]) -> Iterator[Sharpness]:
    import cv2

    for name, height in crops:
        image: Any = cv2.imread(str(folder / name))
        if image is not None and (found := sharpness_of_crop(image)) is not None:
            yield replace(found, height=height)


def sharpness_of_crop(crop: Image) -> Sharpness | None:
    """Of the plate within the margins of a kept crop, which was made larger than it is in the picture."""
    from streamer.image.warp import frame_of

    height, width = crop.shape[:2]
    x, y = width * _ALONG / (1 + 2 * _ALONG), height * _ACROSS / (1 + 2 * _ACROSS)
    quad = np.array([[x, y], [width - x, y], [width - x, height - y], [x, height - y]])
    return sharpness_of(frame_of(crop), quad)


def _more(measures: Measures, down: float, outages: int, days: float) -> Iterator[Finding]:
    if outages:
        level: Level = "bad" if down > _DOWN_BAD else "weak" if down > _DOWN_WEAK else "ok"
        lost = f"{100 * down:.1f} %" if down >= 0.001 else "under 0.1 %"
        told = f"lost {outages} times in {timedelta(days=days).days or 1} days, {lost} of the time"
        change = "mend the network first: a cable in place of WLAN, RTSP over TCP, fewer clients of the camera"
        yield Finding("connection", told, level, change if level != "ok" else "", 9)
    reasons = {reason: count for reason, count in measures.rejected.items() if reason != _FLICKER}
    lost_tracks = sum(reasons.values())
    share = lost_tracks / max(lost_tracks + len(measures.vehicles), 1)
    if lost_tracks:
        reason = max(reasons, key=lambda one: reasons[one])
        many = share > _MANY_REJECTED and measures.vehicles
        yield Finding(
            "tracks without a row",
            f"{100 * share:.0f} % of those that were looked at; most: {reason}",
            "weak" if many else "ok",
            _REMEDIES.get(reason, "") if many else "",
            4,
        )


def _part(rows: Sequence[_Row]) -> Part:
    if not rows:
        return Part(0)
    height, sure, reads = (median([value(row) for row in rows]) for value in (_height, _sure, _reads))
    return Part(len(rows), height, sure, reads)


def _height(row: _Row) -> float:
    return row.height


def _sure(row: _Row) -> float:
    return row.confidence


def _reads(row: _Row) -> float:
    return row.reads


def _brings(fit: Fit, rejected: Counter[str]) -> int:
    first = next((one.what for one in fit.findings if one.change and one.change == fit.change), "")
    if first == "tracks without a row":
        return max((n for reason, n in rejected.items() if reason != _FLICKER), default=0)
    return sum(rejected[reason] for reason in _BY_CHANGE.get(first, ()))
