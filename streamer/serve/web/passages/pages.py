"""Pages of passages."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from sqlalchemy import func, select

from streamer.errors import ConfigError
from streamer.serve.web.context import Site
from streamer.serve.web.faults import Missing, Wrong
from streamer.serve.web.needs import PageDep, SiteDep, StoreDep, UserDep, needs
from streamer.serve.web.page import Page as WebPage
from streamer.serve.web.passages.changes import told
from streamer.serve.web.passages.chosen import HOWS, MOVEMENTS, SURE, Chosen, ChosenDep
from streamer.serve.web.passages.export import Format, exported
from streamer.serve.web.passages.pictures import Kind, size_of, stored_picture
from streamer.serve.web.roles import User
from streamer.store.corrections import correct
from streamer.store.database import Database
from streamer.store.detail import detail
from streamer.store.paging import Page
from streamer.store.schema import cameras, hits, passages
from streamer.store.selection import SHOWN

router = APIRouter()
_PAGE = 50
_RECENT = 2000  # rows whose zones are offered


@router.get("")
def index(
    page: PageDep, store: StoreDep, user: UserDep, site: SiteDep, chosen: ChosenDep, cursor: str = ""
) -> Response:
    """The newest passages, or those that are looked for."""
    found = _found(site, chosen, cursor, user.name)
    return page.show(
        "passages/index.html",
        found=found,
        chosen=chosen,
        cameras=[name for name in _cameras(store) if user.sees(name)],
        zones=_zones(store, site),
        lists=_lists(store, site),
        hows=HOWS,
        movements=MOVEMENTS,
        sures=list(SURE),
        newest=_newest(store),
    )


@router.get("/more")
def more(page: PageDep, site: SiteDep, user: UserDep, chosen: ChosenDep, cursor: str = "") -> Response:
    """The rows behind the cursor, as a part of the page."""
    return page.part("passages/_rows.html", found=_found(site, chosen, cursor, user.name), chosen=chosen)


@router.get("/new")
def new(
    page: PageDep, store: StoreDep, user: UserDep, chosen: ChosenDep, after: int = Query(0, ge=0, lt=1 << 62)
) -> Response:
    """How many passages came since the page was loaded, for a link that shows them (those of the search, where there is
    one: which of the new ones it has is not known before)."""
    wanted = select(passages.c.id).where(passages.c.id > after, passages.c.status.in_(SHOWN))
    if user.cameras is not None:
        seen = select(cameras.c.id).where(cameras.c.name.in_(sorted(user.cameras)))
        wanted = wanted.where(passages.c.camera_id.in_(seen))
    with store.read() as connection:
        count = len(connection.execute(wanted.limit(100)).all())
    return page.part("passages/_new.html", count=count, chosen=chosen)


@router.get("/export")
def export(store: StoreDep, user: UserDep, chosen: ChosenDep, format: Format = "csv") -> Response:
    """The passages that are chosen as a file."""
    _check(chosen)
    return exported(store, chosen.selection, format, user.name)


@router.get("/{event_id}")
def one(page: PageDep, store: StoreDep, user: UserDep, site: SiteDep, event_id: str) -> Response:
    """One passage."""
    return _shown(page, store, user, site, event_id)


@router.get("/{event_id}/{kind}")
def picture(request: Request, store: StoreDep, user: UserDep, site: SiteDep, event_id: str, kind: Kind) -> Response:
    """The crop or the whole frame of a passage."""
    return stored_picture(request, store, user, site, event_id, kind)


@router.post("/{event_id}/correction", dependencies=[needs("operator")])
def correction(
    page: PageDep,
    store: StoreDep,
    user: UserDep,
    site: SiteDep,
    event_id: str,
    plate: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Puts a reading right, or confirms it; a text that can be no plate comes back with what is wrong with it."""
    if detail(store, event_id, seen=user.cameras) is None:
        raise Missing("passages.missing")
    try:
        made = correct(store, event_id, plate, who=user.name)
    except ConfigError as error:
        fault = str(error) if plate.strip() else page.t("passages.no_text")
        if page.in_part:
            raise Wrong(fault) from None
        return _shown(page, store, user, site, event_id, fault=fault, given=plate[:64])
    note = "passages.corrected_now" if made.before != made.after else "passages.confirmed_now"
    return page.back(f"/passages/{event_id}", note=note)


def _shown(
    page: WebPage, store: Database, user: User, site: Site, event_id: str, *, fault: str = "", given: str | None = None
) -> Response:
    """The page of a passage; `fault`: of the text that was `given` as its correction."""
    found = detail(store, event_id, seen=user.cameras)
    if found is None:
        raise Missing("passages.missing")
    return page.show(
        "passages/one.html",
        status=422 if fault else 200,
        d=found,
        size=size_of(site, found.pictures.get("snapshot")),
        states=_states(page),
        told=partial(told, page),
        fault=fault,
        given=given,
    )


def _found(site: Site, chosen: Chosen, cursor: str, who: str) -> Page:
    if chosen.fault:
        return Page(())
    return site.found(chosen.selection, cursor=cursor or None, limit=_PAGE, who=who)


def _check(chosen: Chosen) -> None:
    if chosen.fault:
        raise Wrong(chosen.fault)


def _cameras(store: Database) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(cameras.c.name).order_by(cameras.c.name)).scalars())


def _lists(store: Database, site: Any) -> list[str]:
    with store.read() as connection:
        found = set(connection.execute(select(hits.c.watchlist).distinct()).scalars())
    if site.config is not None:
        found |= {one.name for one in site.config.watch}
        found |= {one.name for camera in site.config.cameras.values() for one in camera.watch}
    return sorted(found)


def _zones(store: Database, site: Any) -> list[str]:
    """Of the newest rows and of the configuration."""
    newest = select(passages.c.zone).order_by(passages.c.at.desc()).limit(_RECENT).subquery()
    with store.read() as connection:
        found = {zone for zone in connection.execute(select(newest.c.zone).distinct()).scalars() if zone}
    if site.config is not None:
        for config in (site.config, *site.config.cameras.values()):
            found |= {name for name, zone in config.zones.items() if zone.use == "read"}
    return sorted(found)


def _newest(store: Database) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.coalesce(func.max(passages.c.id), 0))).scalar_one())


def _states(page: WebPage) -> dict[str, str]:
    return {name: page.t(f"passages.status_{name}") for name in (*SHOWN, "withdrawn", "merged")}
