"""How fit cameras are, and their zones and lines, for programs."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from streamer.fit.from_store import CameraFit
from streamer.serve.web.faults import Missing
from streamer.serve.web.fit.measures import fit_of, known
from streamer.serve.web.fit.places import Placed, places_of, saved
from streamer.serve.web.needs import SiteDep, UserDep, needs

api = APIRouter()
Camera = Query(max_length=200)
Point = tuple[float, float]


class FitFinding(BaseModel):
    what: str
    found: str
    level: str
    change: str


class FitReason(BaseModel):
    """Why tracks had no row: the setting that decides it, how many."""

    reason: str
    setting: str | None
    count: int


class FitReport(BaseModel):
    """By the rows of the last days. `change`: the one most worth making; `brings`: tracks without a row it is for."""

    camera: str
    days: float
    rows: int
    verdict: str
    change: str
    brings: int
    findings: list[FitFinding]
    rejected: list[FitReason]
    down: float
    outages: int


class Zone(BaseModel):
    """Corners as shares of the picture's width and height."""

    polygon: list[Point] = Field(max_length=200)
    use: Literal["read", "ignore"] = "read"


class LineOfZone(BaseModel):
    start: Point
    end: Point


class Places(BaseModel):
    """Zones and lines of a camera. `digest`: of the configuration file, which a change must give back; null where they
    cannot be saved."""

    camera: str
    zones: dict[str, Zone]
    lines: dict[str, LineOfZone]
    digest: str | None


class NewPlaces(BaseModel):
    """All zones and lines that the camera shall have."""

    camera: str = Field(max_length=200)
    zones: dict[str, Zone] = Field({}, max_length=100)
    lines: dict[str, LineOfZone] = Field({}, max_length=100)
    digest: str = Field(max_length=64)


@api.get("/fit", response_model=FitReport, operation_id="camera_fit")
def camera_fit(site: SiteDep, user: UserDep, camera: str = Camera) -> object:
    """How fit a camera is by what the store has of it."""
    found = fit_of(site, known(site, user, camera))
    if found is None:
        raise Missing("fit.missing")
    return _report(found)


@api.get("/places", response_model=Places, operation_id="camera_places")
def places(site: SiteDep, user: UserDep, camera: str = Camera) -> object:
    """The zones and lines of a camera."""
    return _places(camera, places_of(site, known(site, user, camera)))


@api.post("/places", response_model=Places, operation_id="save_camera_places", dependencies=[needs("admin")])
def save(site: SiteDep, user: UserDep, asked: NewPlaces) -> object:
    """Saves them into the configuration file, whose comments stay; a run takes them up when it is started again."""
    known(site, user, asked.camera)
    zones = {name: one.model_dump() for name, one in asked.zones.items()}
    lines = {name: one.model_dump() for name, one in asked.lines.items()}
    return _places(asked.camera, saved(site, user.name, asked.camera, zones, lines, asked.digest))


def _places(camera: str, placed: Placed) -> dict[str, Any]:
    return {"camera": camera, "zones": placed.zones, "lines": placed.lines, "digest": placed.digest or None}


def _report(found: CameraFit) -> dict[str, Any]:
    return {
        "camera": found.camera, "days": found.days, "rows": len(found.measures.vehicles),
        "verdict": found.fit.verdict, "change": found.fit.change, "brings": found.brings,
        "findings": [
            {"what": one.what, "found": one.found, "level": one.level, "change": one.change}
            for one in found.fit.findings
        ],
        "rejected": [{"reason": one.reason, "setting": one.setting, "count": one.count} for one in found.rejected],
        "down": found.down, "outages": found.outages,
    }  # fmt: skip
