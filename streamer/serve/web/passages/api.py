"""Passages for programs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from streamer.errors import ConfigError
from streamer.serve.web.faults import Missing, Wrong
from streamer.serve.web.needs import SiteDep, StoreDep, UserDep, needs
from streamer.serve.web.passages.chosen import ChosenDep
from streamer.serve.web.passages.export import Format, exported
from streamer.serve.web.passages.pictures import Kind, stored_picture
from streamer.store.corrections import Correction, correct
from streamer.store.detail import Detail, detail
from streamer.store.paging import Line
from streamer.store.rows import time_text

api = APIRouter()
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/jpeg": {}}}, 304: {"description": "the same"},
}  # fmt: skip
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}, "application/x-ndjson": {}}}}


class OfList(BaseModel):
    """What a list of plates said."""

    list: str
    entry: str
    how: str


class Passage(BaseModel):
    """One passage, as in JSON lines; times with their offset."""

    event_id: str
    camera: str
    plate: str
    confidence: float
    status: str
    first_seen: str | None
    last_seen: str | None
    stored: str
    zone: str
    movement: str
    direction_deg: int | None
    crossed: list[str]
    flags: list[str]
    region: str | None
    colour: str | None
    n_reads: int
    dwell_s: float
    box: list[float]
    revision: int
    hits: list[OfList]
    pictures: list[str]
    corrected_by: str | None
    score: float | None = Field(None, description="of a ranked search: edits, or the logarithm of the likelihood")


class Passages(BaseModel):
    """`next`: the cursor of the next page; `looked`: where the page is short, all was looked at back to then."""

    items: list[Passage]
    next: str | None
    looked: str | None


class Slot(BaseModel):
    """A character place: the likeliest symbols, `""` the end."""

    symbols: list[tuple[str, float]]


class Corrected(BaseModel):
    at: str
    who: str
    before: str
    after: str


class Changed(BaseModel):
    """A revision and what it changed: key, before, after."""

    revision: int
    at: str
    status: str
    plate: str
    changes: list[tuple[str, Any, Any]]


class WholePassage(Passage):
    """One passage with everything that is known of it."""

    source: str
    read: str
    slots: list[Slot]
    alternatives: list[tuple[str, float]]
    history: list[Changed]
    corrections: list[Corrected]
    sighted: int
    sightings: list[str]
    way: list[str]


class Correcting(BaseModel):
    plate: str = Field(max_length=64)


@api.get("/passages", response_model=Passages, operation_id="passages")
def passages(
    site: SiteDep,
    user: UserDep,
    chosen: ChosenDep,
    cursor: str = Query("", max_length=60, description="`next` of the page before"),
    limit: int = Query(50, ge=1, le=500),
) -> object:
    """Passages, the newest first (ranked searches: the best first)."""
    if chosen.fault:
        raise Wrong(chosen.fault)
    found = site.found(chosen.selection, cursor=cursor or None, limit=limit, who=user.name)
    looked = None if found.looked is None else time_text(found.looked, 0)
    return {"items": [_passage(line) for line in found.lines], "next": found.next, "looked": looked}


@api.get(
    "/passages/export",
    operation_id="export_passages",
    response_class=Response,
    responses=_FILE,
)
def export(store: StoreDep, user: UserDep, chosen: ChosenDep, format: Format = "csv") -> Response:
    """All passages that are chosen, as CSV or JSON lines of a run."""
    if chosen.fault:
        raise Wrong(chosen.fault)
    return exported(store, chosen.selection, format, user.name)


@api.get("/passages/{event_id}", response_model=WholePassage, operation_id="passage")
def passage(store: StoreDep, user: UserDep, event_id: str = Path(max_length=64)) -> object:
    """One passage."""
    found = detail(store, event_id, seen=user.cameras)
    if found is None:
        raise Missing("passages.missing")
    return _whole(found)


@api.get("/passages/{event_id}/{kind}", operation_id="passage_picture", response_class=Response, responses=_PICTURE)
def picture(
    request: Request, store: StoreDep, user: UserDep, site: SiteDep, kind: Kind, event_id: str = Path(max_length=64)
) -> Response:
    """The crop or the whole frame of a passage."""
    return stored_picture(request, store, user, site, event_id, kind)


@api.post(
    "/passages/{event_id}/correction",
    response_model=Corrected,
    operation_id="correct_passage",
    dependencies=[needs("operator")],
)
def correction(store: StoreDep, user: UserDep, asked: Correcting, event_id: str = Path(max_length=64)) -> object:
    """Puts a reading right; with the same plate it is confirmed."""
    if detail(store, event_id, seen=user.cameras) is None:
        raise Missing("passages.missing")
    try:
        return _corrected(correct(store, event_id, asked.plate, who=user.name))
    except ConfigError as error:
        raise Wrong(str(error)) from None


def _passage(line: Line) -> dict[str, Any]:
    own = {key: line.record[key] for key in Passage.model_fields if key in line.record}
    return own | {
        "stored": time_text(line.at, 0),
        "hits": [{"list": one.watchlist, "entry": one.entry, "how": one.how} for one in line.hits],
        "pictures": sorted(line.pictures),
        "corrected_by": None if line.corrected is None else line.corrected.who,
        "score": line.score,
    }


def _whole(found: Detail) -> dict[str, Any]:
    return _passage(found.line) | {
        "source": found.source,
        "read": found.read,
        "slots": [{"symbols": list(slot.symbols)} for slot in found.slots],
        "alternatives": found.line.record["alternatives"],
        "history": [
            {
                "revision": one.revision, "at": time_text(one.stored_at, 0), "status": one.status, "plate": one.plate,
                "changes": list(one.changes),
            }
            for one in found.history
        ],
        "corrections": [_corrected(one) for one in found.corrections],
        "sighted": found.sighted,
        "sightings": [line.record["event_id"] for line in found.sightings],
        "way": [stop.line.record["event_id"] for stop in found.way],
    }  # fmt: skip


def _corrected(one: Correction) -> dict[str, Any]:
    return {"at": time_text(one.at, 0), "who": one.who, "before": one.before, "after": one.after}
