"""The system's state, for programs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from streamer.config.models import RunConfig
from streamer.serve.web.needs import SiteDep, UserDep, needs
from streamer.serve.web.system import facts
from streamer.serve.web.system.pages import Level, whole

api = APIRouter()


class System(BaseModel):
    """Versions of packages, and where the program runs."""

    versions: dict[str, str]
    machine: dict[str, str]


class Configuration(BaseModel):
    """`yaml`: what differs from the defaults; `faults`: of the file as it is now."""

    yaml: str
    faults: list[str]


class ModelCard(BaseModel):
    use: str
    name: str
    facts: dict[str, str]
    card: str
    fault: str


class Models(BaseModel):
    items: list[ModelCard]


class Check(BaseModel):
    what: str
    found: str
    remedy: str
    fault: bool


class Checks(BaseModel):
    items: list[Check]


class Line(BaseModel):
    number: int
    at: int
    level: str
    text: str


class Lines(BaseModel):
    items: list[Line]


class Plots(BaseModel):
    """By name: `x` (seconds since 1970), and `series` with a label and values."""

    plots: dict[str, Any]


class FleetNodes(BaseModel):
    items: list[facts.FleetNode]


_OPERATOR = [needs("operator")]


@api.get("/system", response_model=System, operation_id="system", dependencies=_OPERATOR)
def system() -> object:
    """Versions and machine."""
    return {"versions": facts.versions(), "machine": facts.machine()}


@api.get("/system/configuration", response_model=Configuration, operation_id="configuration", dependencies=_OPERATOR)
def configuration(site: SiteDep, user: UserDep) -> object:
    """The configuration in force, without secrets."""
    whole(user)
    return {"yaml": "" if site.config is None else facts.config_text(site.config), "faults": facts.config_faults(site)}


@api.get("/system/models", response_model=Models, operation_id="models", dependencies=_OPERATOR)
def models(site: SiteDep) -> object:
    """The networks and their cards."""
    return {"items": [vars(one) for one in facts.models(site.config or RunConfig())]}


@api.get("/system/checks", response_model=Checks, operation_id="checks", dependencies=_OPERATOR)
def checks(site: SiteDep) -> object:
    """Checks of this machine, made now."""
    return {"items": list(facts.checks(site))}


@api.get("/system/fleet", response_model=FleetNodes, operation_id="fleet", dependencies=_OPERATOR)
def fleet(site: SiteDep, user: UserDep) -> object:
    """The nodes of the fleet that writes to the store."""
    whole(user)
    return {"items": facts.fleet(site)}


@api.get("/system/log", response_model=Lines, operation_id="log", dependencies=_OPERATOR)
def log(site: SiteDep, user: UserDep, level: Level = "info", limit: int = Query(200, ge=1, le=1000)) -> object:
    """The last lines of the log, the newest first, without secrets."""
    whole(user)
    return {"items": [vars(one) for one in site.log.lines(least=level, limit=limit)]}


@api.get("/system/plots", response_model=Plots, operation_id="plots", dependencies=_OPERATOR)
def plots(site: SiteDep, user: UserDep) -> object:
    """The last hour: frames per second, frame age, drops of each camera; memory and cores of the process."""
    whole(user)
    return {"plots": facts.plots(site.history.read())}
