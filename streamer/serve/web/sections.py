"""The parts of the page: what each brings, and which there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from fastapi import APIRouter

from streamer.serve.web.roles import Role

# Modules with a `SECTION`.
MODULES = (
    "streamer.serve.web.live.section",
    "streamer.serve.web.passages.section",
    "streamer.serve.web.watch.section",
    "streamer.serve.web.targets.section",
    "streamer.serve.web.fit.section",
    "streamer.serve.web.system.section",
    "streamer.serve.web.access.section",
)


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the page below `/NAME`. `role`: the least that may see it; `order`, `icon`: of its place in the
    navigation, whose text is the string `NAME.nav`; `pages`, `api`: its routes; `scripts`, `styles`: of `static`."""

    name: str
    pages: APIRouter
    role: Role = "viewer"
    order: int = 50
    icon: str = "dot"
    api: APIRouter | None = None
    scripts: Sequence[str] = ()
    styles: Sequence[str] = ()
    in_navigation: bool = True


@cache
def sections() -> tuple[Section, ...]:
    """All sections in the order of the navigation."""
    found = [import_module(name).SECTION for name in MODULES]
    return tuple(sorted(found, key=lambda one: one.order))
