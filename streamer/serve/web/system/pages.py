"""The pages of the system: overview, configuration, plots, log."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from streamer.config.models import RunConfig
from streamer.serve.web.faults import Missing, Refused
from streamer.serve.web.needs import PageDep, SiteDep, UserDep
from streamer.serve.web.roles import User
from streamer.serve.web.system import facts

router = APIRouter()
Level = Literal["debug", "info", "warning", "error"]
TABS = ("", "/configuration", "/plots", "/log")


@router.get("")
def index(page: PageDep, site: SiteDep) -> Response:
    """Versions, machine and models."""
    return page.show(
        "system/index.html",
        tab="",
        versions=facts.versions(),
        machine=facts.machine(),
        models=facts.models(site.config or RunConfig()),
        checkable=site.doctor is not None,
        nodes=facts.fleet(site),
    )


@router.get("/fleet")
def fleet(page: PageDep, site: SiteDep) -> Response:
    """The nodes of the fleet that writes to the store, as a part of the overview, which loads it again."""
    return page.part("system/_fleet.html", nodes=facts.fleet(site))


@router.get("/checks")
def checks(page: PageDep, site: SiteDep) -> Response:
    """The checks of this machine, made now."""
    return page.part("system/_checks.html", findings=list(facts.checks(site)))


@router.get("/configuration")
def configuration(page: PageDep, site: SiteDep, user: UserDep) -> Response:
    """The configuration in force, and what is wrong with its file now."""
    whole(user)
    text = "" if site.config is None else facts.config_text(site.config)
    return page.show("system/configuration.html", tab="/configuration", text=text, faults=facts.config_faults(site))


@router.get("/plots")
def plots(page: PageDep) -> Response:
    """The last hour as plots."""
    return page.show("system/plots.html", tab="/plots", names=("rate", "delay", "dropped", "memory", "cores"))


@router.get("/plots/{name}.json")
def plot(site: SiteDep, user: UserDep, name: str) -> Response:
    """The samples of a plot."""
    found = facts.plots(site.history.read()).get(name)
    if found is None:
        raise Missing
    if name not in ("memory", "cores"):
        found["series"] = [one for one in found["series"] if user.sees(one["label"])]
    return JSONResponse(found)


@router.get("/log")
def log(page: PageDep, site: SiteDep, user: UserDep, level: Level = "info") -> Response:
    """The last lines of the log."""
    whole(user)
    lines = site.log.lines(least=level)
    if page.in_part:
        return page.part("system/_log.html", lines=lines)
    return page.show(
        "system/log.html", tab="/log", lines=lines, level=level, levels=("debug", "info", "warning", "error")
    )


def whole(user: User) -> None:
    """Refused for who may see some cameras only: logs and settings tell of all."""
    if user.cameras is not None:
        raise Refused("system.all_cameras")
