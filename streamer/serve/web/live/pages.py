"""The live page, its pictures and what comes as it happens."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from streamer.serve.web.faults import Missing, TooMany
from streamer.serve.web.live.pictures import WIDTHS
from streamer.serve.web.live.rows import last_rows, page_sink
from streamer.serve.web.live.stream import page_events
from streamer.serve.web.needs import PageDep, SiteDep, UserDep
from streamer.serve.web.pictures import picture_response
from streamer.store.schema import cameras, files, passages

router = APIRouter()


@router.get("")
def index(page: PageDep, site: SiteDep, user: UserDep) -> Response:
    """Every camera, and the last rows."""
    shown = [one for one in site.cameras() if user.sees(one.name)]
    for one in shown:
        if site.runs_cameras:
            site.pictures.ask(one.name)  # the browser is about to
    return page.show("live/index.html", cameras=shown, rows=last_rows(site, user), slug=slug)


@router.get("/picture/{camera:path}")
def picture(request: Request, camera: str, site: SiteDep, user: UserDep, width: int = Query(960, ge=1)) -> Response:
    """The newest picture of a camera; 304 where there is no newer one than the browser has, 204 while there is none."""
    if not user.sees(camera) or not site.reads(camera):
        raise Missing
    shot = site.pictures.shot(camera, next((w for w in WIDTHS if w >= width), WIDTHS[-1]))
    if shot is None:
        return Response(status_code=204)
    return picture_response(request, shot.jpeg, "image/jpeg", tag=shot.tag)


@router.get("/crop/{event_id}")
def crop(request: Request, event_id: str, site: SiteDep, user: UserDep) -> Response:
    """The crop of one of the last rows."""
    sink = page_sink(site)
    found = None if sink is None else sink.crop(event_id)
    if found is not None:
        if not user.sees(found[0].camera):
            raise Missing
        return picture_response(request, found[1], "image/jpeg")
    if site.store is None or site.files is None:
        raise Missing
    wanted = (
        select(files.c.path, cameras.c.name)
        .join(passages, files.c.passage_id == passages.c.id)
        .join(cameras, passages.c.camera_id == cameras.c.id)
        .where(passages.c.event_id == event_id, files.c.kind == "crop")
    )
    with site.database().read() as connection:
        row = connection.execute(wanted).one_or_none()
    if row is None or not user.sees(row.name):
        raise Missing
    return picture_response(request, Path(site.files) / row.path, "image/png")


@router.get("/events")
async def events(page: PageDep, site: SiteDep) -> Response:
    """What happens, as server-sent events with parts of the page."""
    listener = site.feed.listen()
    if listener is None:
        raise TooMany("live.too_many", after_s=30)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(page_events(page, site, listener), media_type="text/event-stream", headers=headers)


def slug(name: str) -> str:
    """A camera's name for ids and the names of events."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:10]
