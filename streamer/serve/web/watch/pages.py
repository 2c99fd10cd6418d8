"""Pages of lists of plates."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Query, Request, Response

from streamer.errors import ConfigError, OutputError
from streamer.serve.web.faults import Wrong
from streamer.serve.web.needs import PageDep, SiteDep, UserDep, needs
from streamer.serve.web.watch.hits import counts, newest_hits
from streamer.serve.web.watch.lists import SHOWN, ListOfPlates, list_of, lists_of, state_of
from streamer.serve.web.watch.trying import tried
from streamer.store.audit import noted
from streamer.store.times import now
from streamer.watch.edit import add, change, remove, written
from streamer.watch.rows import COLUMNS

router = APIRouter()
_WEEK = 7 * 86_400_000_000


@router.get("")
def index(page: PageDep, site: SiteDep, user: UserDep) -> Response:
    """All lists, and their newest hits."""
    store = None if site.store is None else site.database()
    return page.show(
        "watch/index.html",
        lists=lists_of(site),
        counts={} if store is None else counts(store, user, now() - _WEEK),
        hits=[] if store is None else newest_hits(store, user),
    )


@router.get("/hits")
def hits(page: PageDep, site: SiteDep, user: UserDep, key: str = "") -> Response:
    """The newest hits, as a part of a page."""
    name = list_of(site, key).config.name if key else None
    return page.part("watch/_hits.html", hits=newest_hits(site.database(), user, name))


@router.get("/{key}")
def one(
    page: PageDep,
    site: SiteDep,
    user: UserDep,
    key: str,
    q: str = Query("", max_length=64),
    plate: str = Query("", max_length=200),
) -> Response:
    """One list: its entries, a trial, its hits."""
    chosen = list_of(site, key)
    store = None if site.store is None else site.database()
    found, fault = None, ""
    if plate.strip():
        try:
            found = tried(chosen, plate, store, user)
        except ConfigError as error:
            fault = str(error)
    entries = chosen.entries(q.strip())
    at = datetime.now(UTC)
    return page.show(
        "watch/one.html",
        chosen=chosen,
        entries=[(one, written(one), state_of(one, at)) for one in entries[:SHOWN]],
        left=max(0, len(entries) - SHOWN),
        q=q,
        plate=plate,
        tried=found,
        fault=fault,
        hits=[] if store is None else newest_hits(store, user, chosen.config.name),
        columns=[] if chosen.opened is None else [c for c in chosen.opened.columns if c != "plate"],
    )


@router.post("/{key}/entry", dependencies=[needs("operator")])
async def entry(request: Request, page: PageDep, site: SiteDep, user: UserDep, key: str) -> Response:
    """Adds an entry, changes one, or takes one out (`do`: add, change, remove)."""
    from starlette.concurrency import run_in_threadpool

    form = {name: str(value) for name, value in (await request.form()).items()}
    return await run_in_threadpool(_edited, page, site, user.name, key, form)


def _edited(page: PageDep, site: SiteDep, who: str, key: str, form: dict[str, str]) -> Response:
    chosen = list_of(site, key)
    edit(chosen, site, who, form)
    notes = {"add": "watch.added", "change": "watch.changed", "remove": "watch.removed"}
    return page.back(f"/watch/{key}", note=notes[form["do"]])


def edit(chosen: ListOfPlates, site: SiteDep, who: str, form: dict[str, str]) -> None:
    """Does what a form asks for; Wrong says what is wrong with it."""
    what, seen = form.get("do", ""), form.get("seen", "")
    values = {name: form[name] for name in COLUMNS if name in form}
    try:
        if what == "add":
            add(chosen.path, values, seen=seen)
        elif what in ("change", "remove"):
            line = int(form.get("line", "0"))
            if what == "change":
                change(chosen.path, line, values, seen=seen)
            else:
                remove(chosen.path, line, seen=seen)
        else:
            raise Wrong("common.wrong")
    except (ConfigError, OutputError, ValueError) as error:
        raise Wrong(str(error)) from None
    if site.store is not None:
        noted(site.database(), f"watch {what}", {"list": chosen.config.name}, rows=1, who=who)
