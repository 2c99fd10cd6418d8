"""Cameras and what happens, for programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from streamer.serve.web.context import Site
from streamer.serve.web.faults import Missing, TooMany
from streamer.serve.web.live.cameras import CameraState
from streamer.serve.web.live.pictures import WIDTHS
from streamer.serve.web.live.rows import last_rows
from streamer.serve.web.live.stream import json_events
from streamer.serve.web.needs import SiteDep, UserDep
from streamer.serve.web.pictures import picture_response
from streamer.serve.web.roles import User

api = APIRouter()
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}},
    204: {"description": "no picture yet"},
    304: {"description": "the same"},
}
_BOUNDARY = "frame"


class Camera(BaseModel):
    """A camera's state."""

    name: str
    state: str
    age_s: float | None
    delay_s: float | None
    arrived: int
    frames: int
    passages: int
    waiting: int
    dropped: int
    reconnects: int
    faults: str
    source: str
    since: int | None
    paused: bool


class Cameras(BaseModel):
    items: list[Camera]


class LastRow(BaseModel):
    """One of the last rows."""

    event_id: str
    camera: str
    plate: str
    confidence: float
    status: str
    at: int | None
    char_confidence: list[float]
    flags: list[str]
    region: str
    zone: str
    lists: list[str]
    crop: bool
    revision: int


class LastRows(BaseModel):
    items: list[LastRow]


@api.get("/cameras", response_model=Cameras, operation_id="cameras")
def cameras(site: SiteDep, user: UserDep) -> object:
    """The state of every camera."""
    return {"items": [_camera(one) for one in site.cameras() if user.sees(one.name)]}


@api.get("/cameras/{camera}", response_model=Camera, operation_id="camera")
def camera(site: SiteDep, user: UserDep, camera: str = Path(max_length=200)) -> object:
    """The state of one camera."""
    return _camera(_found(site, user, camera))


@api.get("/cameras/{camera}/picture", operation_id="camera_picture", response_class=Response, responses=_JPEG)
def picture(
    request: Request,
    site: SiteDep,
    user: UserDep,
    camera: str = Path(max_length=200),
    width: int = Query(960, ge=1, le=10_000),
    drawn: bool = True,
) -> Response:
    """The newest picture of a camera (JPEG), `width` px wide at most, with its tracks drawn."""
    if not user.sees(camera) or not site.reads(camera):
        raise Missing
    shot = site.pictures.shot(camera, next((w for w in WIDTHS if w >= width), WIDTHS[-1]), drawn=drawn)
    if shot is None:
        return Response(status_code=204)
    return picture_response(request, shot.jpeg, "image/jpeg", tag=shot.tag)


@api.get(
    "/cameras/{camera}/stream",
    operation_id="camera_stream",
    response_class=Response,
    responses={200: {"content": {"multipart/x-mixed-replace": {}}}},
)
async def stream(
    site: SiteDep,
    user: UserDep,
    camera: str = Path(max_length=200),
    seconds: float | None = Query(None, gt=0, le=86_400),
) -> Response:
    """The pictures of a camera as they come, five a second at most (JPEG in multipart); `seconds`: for so long."""
    await run_in_threadpool(_found, site, user, camera)
    if not site.runs_cameras:
        raise Missing
    media = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
    return StreamingResponse(_pictures(site, camera, seconds), media_type=media, headers={"Cache-Control": "no-store"})


@api.get("/rows", response_model=LastRows, operation_id="last_rows")
def rows(site: SiteDep, user: UserDep, limit: int = Query(30, ge=1, le=60)) -> object:
    """The last rows, the newest first, also those that are not final yet."""
    return {"items": [_plain(row) for row in last_rows(site, user, limit)]}


@api.get(
    "/events",
    operation_id="events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(request: Request, site: SiteDep, user: UserDep) -> Response:
    """What happens, as server-sent events: passage, hit, health, status."""
    listener = site.feed.listen()
    if listener is None:
        raise TooMany("live.too_many", after_s=30)
    source = json_events(request, site, listener, user)
    return StreamingResponse(source, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _pictures(site: Site, camera: str, seconds: float | None) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    end, last = None if seconds is None else loop.time() + seconds, ""
    while not site.feed.closed and (end is None or loop.time() < end):
        shot = await run_in_threadpool(site.pictures.shot, camera)
        if shot is not None and shot.tag != last:
            last = shot.tag
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(shot.jpeg)}\r\n\r\n"
            yield head.encode() + shot.jpeg + b"\r\n"
        await asyncio.sleep(0.1)


def _found(site: Site, user: User, name: str) -> CameraState:
    for one in site.cameras():
        if one.name == name and user.sees(name):
            return one
    raise Missing


def _camera(one: CameraState) -> object:
    return {key: getattr(one, key) for key in Camera.model_fields}


def _plain(row: object) -> object:
    return {key: getattr(row, key) for key in LastRow.model_fields}
