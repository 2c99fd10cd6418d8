"""Pages of targets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response

from streamer.serve.web.context import Site
from streamer.serve.web.needs import PageDep, SiteDep, UserDep, needs
from streamer.serve.web.targets.boxes import TargetState, messages, target, targets, try_out, with_queue
from streamer.store.audit import noted

router = APIRouter()
Ids = Annotated[list[str] | None, Form(max_length=200)]


@router.get("")
def index(page: PageDep, site: SiteDep, user: UserDep) -> Response:
    """All targets with what waits for them."""
    found = [one for one in targets(site) if not one.of or user.sees(one.of)]
    return page.show("targets/index.html", targets=found)


@router.get("/list")
def rows(page: PageDep, site: SiteDep, user: UserDep) -> Response:
    """The same as a part of the page, which loads it again."""
    found = [one for one in targets(site) if not one.of or user.sees(one.of)]
    return page.part("targets/_list.html", targets=found)


@router.get("/{key}")
def one(page: PageDep, site: SiteDep, user: UserDep, key: str) -> Response:
    """One target: dead letters and what waits."""
    found = target(site, user, key)
    dead, waiting = messages(found, user)
    return page.show("targets/one.html", one=found, dead=dead, waiting=waiting)


@router.post("/{key}/resend", dependencies=[needs("operator")])
def resend(page: PageDep, site: SiteDep, user: UserDep, key: str, id: Ids = None) -> Response:
    """Makes dead letters wait again: those with these ids, or all."""
    again(site, target(site, user, key), user.name, id)
    return page.back(f"/targets/{key}", note="targets.waits_again")


@router.post("/{key}/drop", dependencies=[needs("operator")])
def drop(page: PageDep, site: SiteDep, user: UserDep, key: str, id: Ids = None) -> Response:
    """Removes dead letters."""
    removed(site, target(site, user, key), user.name, id)
    return page.back(f"/targets/{key}", note="targets.dropped_now")


@router.post("/{key}/test", dependencies=[needs("operator")])
def try_now(page: PageDep, site: SiteDep, user: UserDep, key: str) -> Response:
    """Sends a made-up row."""
    try_out(target(site, user, key))
    return page.back(f"/targets/{key}", note="targets.taken")


def again(site: Site, one: TargetState, who: str, ids: list[str] | None) -> int:
    """How many wait again."""
    return _done(site, one, who, "resend", with_queue(one, lambda queue: queue.revive(ids or None), 0))


def removed(site: Site, one: TargetState, who: str, ids: list[str] | None) -> int:
    """How many are gone."""
    return _done(site, one, who, "drop", with_queue(one, lambda queue: queue.drop("dead", ids or None), 0))


def _done(site: Site, one: TargetState, who: str, what: str, count: int) -> int:
    if site.store is not None:
        noted(site.database(), f"target {what}", {"target": one.name}, rows=count, who=who)
    return count
