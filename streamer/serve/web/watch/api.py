"""Lists of plates for programs."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from streamer.errors import ConfigError
from streamer.serve.web.faults import Wrong
from streamer.serve.web.needs import SiteDep, UserDep, needs
from streamer.serve.web.watch.lists import ListOfPlates, list_of, lists_of
from streamer.serve.web.watch.pages import edit
from streamer.serve.web.watch.trying import tried
from streamer.watch.edit import written

api = APIRouter()
Key = Path(max_length=40)


class WatchList(BaseModel):
    """A list. `key`: in addresses; `digest`: of its file, for a change; `camera`: that has it for itself."""

    key: str
    name: str
    kind: str
    mode: str
    file: str
    camera: str
    plates: int
    digest: str | None
    faults: list[str]
    warnings: list[str]


class WatchLists(BaseModel):
    items: list[WatchList]


class WatchEntry(BaseModel):
    """An entry as it is written; `line`: where it begins in the file."""

    line: int
    plate: str
    name: str
    note: str
    colour: str
    valid_from: str
    valid_until: str
    cameras: str


class WatchEntries(BaseModel):
    """`digest`: what a change must give back."""

    items: list[WatchEntry]
    digest: str | None


class Change(BaseModel):
    """`do`: add, change or remove (those with `line`). `digest`: of the list that was looked at. Values by column; of
    those not given an entry keeps its own."""

    do: Literal["add", "change", "remove"]
    digest: str = Field(max_length=64)
    line: int = 0
    values: dict[str, str] = {}


class Tested(BaseModel):
    """Of a plate: entries of the list that are this plate, and the passages that it would have matched."""

    plate: str
    on: list[int]
    compared: int
    matching: int
    passages: list[TestedPassage]


class TestedPassage(BaseModel):
    event_id: str
    camera: str
    plate: str
    modes: list[str]
    why: str


Tested.model_rebuild()


@api.get("/watch", response_model=WatchLists, operation_id="watch_lists")
def watch_lists(site: SiteDep, user: UserDep) -> object:
    """All lists of plates."""
    return {"items": [_list(one) for one in lists_of(site)]}


@api.get("/watch/{key}", response_model=WatchEntries, operation_id="watch_entries")
def watch_entries(
    site: SiteDep,
    user: UserDep,
    key: str = Key,
    q: str = Query("", max_length=64, description="part of a plate, name or note"),
    limit: int = Query(500, ge=1, le=5000),
) -> object:
    """The entries of a list."""
    chosen = list_of(site, key)
    entries = [_entry(one.line, written(one)) for one in chosen.entries(q.strip())[:limit]]
    return {"items": entries, "digest": None if chosen.opened is None else chosen.opened.digest}


@api.post(
    "/watch/{key}", response_model=WatchEntries, operation_id="change_watch_list", dependencies=[needs("operator")]
)
def change(site: SiteDep, user: UserDep, asked: Change, key: str = Key) -> object:
    """Adds, changes or takes out an entry in the list's file, which keeps its comments."""
    form = {**asked.values, "do": asked.do, "seen": asked.digest, "line": str(asked.line)}
    edit(list_of(site, key), site, user.name, form)
    return watch_entries(site, user, key, "", 500)


@api.get("/watch/{key}/test", response_model=Tested, operation_id="test_watch_list")
def try_plate(site: SiteDep, user: UserDep, key: str = Key, plate: str = Query(min_length=1, max_length=200)) -> object:
    """Which of the newest passages a plate would have matched on this list."""
    try:
        found = tried(list_of(site, key), plate, None if site.store is None else site.database(), user)
    except ConfigError as error:
        raise Wrong(str(error)) from None
    passages = [
        {
            "event_id": one.passage.event_id, "camera": one.passage.camera, "plate": one.passage.plate,
            "modes": list(one.found), "why": one.why,
        }
        for one in found.trials
    ]  # fmt: skip
    return {
        "plate": found.plate, "on": [one.line for one in found.on], "compared": found.compared,
        "matching": found.matching, "passages": passages,
    }  # fmt: skip


def _list(one: ListOfPlates) -> dict[str, Any]:
    return {
        "key": one.key, "name": one.config.name, "kind": one.config.kind, "mode": one.config.chosen_mode,
        "file": one.config.file, "camera": one.of, "plates": len(one.entries()),
        "digest": None if one.opened is None else one.opened.digest, "faults": list(one.fault),
        "warnings": [] if one.opened is None else list(one.opened.plates.warnings),
    }  # fmt: skip


def _entry(line: int, values: dict[str, str]) -> dict[str, Any]:
    own = {key: value for key, value in values.items() if key not in ("from", "until")}
    return own | {"line": line, "valid_from": values["from"], "valid_until": values["until"]}
