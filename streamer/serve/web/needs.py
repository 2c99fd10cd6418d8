"""What routes take, and what they demand of the user."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from streamer.serve.web.access.csrf import check_csrf
from streamer.serve.web.access.who import who_asks
from streamer.serve.web.context import Site
from streamer.serve.web.faults import Refused
from streamer.serve.web.page import Page
from streamer.serve.web.roles import Role, User
from streamer.store.database import Database

_SAFE = {"GET", "HEAD", "OPTIONS"}


def site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def user_of(request: Request) -> User:
    """Who asks; NeedsLogin where nobody is logged in."""
    user, how = who_asks(site_of(request), request)
    request.state.user, request.state.how = user, how
    return user


def store_of(request: Request) -> Database:
    return site_of(request).database()


SiteDep = Annotated[Site, Depends(site_of)]
UserDep = Annotated[User, Depends(user_of)]
StoreDep = Annotated[Database, Depends(store_of)]


def page_of(request: Request, user: UserDep) -> Page:
    return Page(request, site_of(request), user)


PageDep = Annotated[Page, Depends(page_of)]


def needs(role: Role) -> Any:
    """A dependency: Refused where the user's role is less, or a request that changes something has no CSRF token."""

    async def check(request: Request, user: UserDep) -> None:
        if request.method not in _SAFE and request.state.how != "token":
            await check_csrf(request)
        if not user.at_least(role):
            raise Refused("common.needs_role", role=role)

    return Depends(check)
