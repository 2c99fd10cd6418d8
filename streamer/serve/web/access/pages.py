"""The account of who is logged in: password, logins, tokens; for admins all users."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from streamer.errors import ConfigError
from streamer.serve.web.access.accounts import accounts, add_user, change_user, remove_user, set_password, verified
from streamer.serve.web.access.csrf import SESSION_COOKIE
from streamer.serve.web.access.login_pages import Limits, limits_of
from streamer.serve.web.access.logins import add_token, end_sessions, remove_token, sessions_of, tokens_of
from streamer.serve.web.faults import Refused, Wrong
from streamer.serve.web.needs import PageDep, SiteDep, StoreDep, UserDep, needs
from streamer.serve.web.page import Page
from streamer.serve.web.roles import ROLES, Role, User
from streamer.store.database import Database

router = APIRouter()
_Text = Annotated[str, Form(max_length=4096)]
_OfAdmin = [needs("admin")]


@router.get("")
def index(page: PageDep, site: SiteDep, user: UserDep) -> Response:
    """The account, and for admins all users."""
    return _shown(page, None if site.store is None else site.database(), user)


@router.post("/password")
def password(
    page: PageDep, store: StoreDep, user: UserDep, request: Request, old: _Text = "", new: _Text = ""
) -> Response:
    """A new password; the other logins end, this one goes on with a new token."""
    _own(request, user)
    limits: Limits = limits_of(request)
    limits.check(_address(request), user.name)
    if verified(store, user.name, old) is None:
        limits.failed(_address(request), user.name)
        return _shown(page, store, user, told=page.t("access.wrong_old"), status=422)
    try:
        set_password(store, user.name, new, who=user.name)
    except ConfigError as error:
        return _shown(page, store, user, told=str(error), status=422)
    return page.back("/login", "access.password_set")


@router.post("/sessions/end")
def end(
    page: PageDep, store: StoreDep, user: UserDep, request: Request, number: Annotated[int | None, Form()] = None
) -> Response:
    """Ends one of the user's logins, or all others."""
    _own(request, user)
    end_sessions(store, user, number, but=request.cookies.get(SESSION_COOKIE, ""))
    return page.back("/access", "access.logins_ended")


@router.post("/tokens")
def make_token(
    page: PageDep,
    store: StoreDep,
    user: UserDep,
    request: Request,
    name: _Text = "",
    role: _Text = "viewer",
    days: Annotated[float | None, Form(gt=0, le=3650)] = None,
) -> Response:
    """A token for a program, shown this once."""
    _own(request, user)
    try:
        token = add_token(store, user, name, _role(role), days)
    except ConfigError as error:
        return _shown(page, store, user, told=str(error), status=422)
    return _shown(page, store, user, token=token)


@router.post("/tokens/remove")
def end_token(
    page: PageDep, store: StoreDep, user: UserDep, request: Request, number: Annotated[int, Form()]
) -> Response:
    """Ends a token of the user."""
    _own(request, user)
    remove_token(store, user, number)
    return page.back("/access", "access.token_removed")


@router.post("/users", dependencies=_OfAdmin)
def new_user(
    page: PageDep,
    store: StoreDep,
    user: UserDep,
    name: _Text = "",
    password: _Text = "",
    role: _Text = "viewer",
    cameras: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """A new user."""
    try:
        add_user(store, name, password, _role(role), cameras or None, who=user.name)
    except ConfigError as error:
        return _shown(page, store, user, told=str(error), status=422)
    return page.back("/access", "access.user_added")


@router.post("/users/change", dependencies=_OfAdmin)
def change(
    page: PageDep,
    store: StoreDep,
    user: UserDep,
    name: _Text = "",
    role: _Text = "viewer",
    cameras: Annotated[list[str] | None, Form()] = None,
    password: _Text = "",
    remove: _Text = "",
) -> Response:
    """Another role, other cameras or a new password of a user; or its end."""
    try:
        if remove:
            remove_user(store, name, who=user.name)
            return page.back("/access", "access.user_removed")
        change_user(store, name, _role(role), cameras or None, who=user.name)
        if password:
            set_password(store, name, password, who=user.name)
    except ConfigError as error:
        return _shown(page, store, user, told=str(error), status=422)
    return page.back("/access", "access.user_changed")


def _shown(
    page: Page, store: Database | None, user: User, *, told: str = "", token: str = "", status: int = 200
) -> Response:
    cookie = page.request.cookies.get(SESSION_COOKIE, "")
    mine = store if user.id is not None else None
    return page.show(
        "access/index.html",
        status=status,
        told=told,
        token=token,
        roles=[role for role in ROLES if user.at_least(role)],
        logins=[] if mine is None else sessions_of(mine, user, cookie),
        tokens=[] if mine is None else tokens_of(mine, user),
        users=accounts(store) if store is not None and user.at_least("admin") else [],
        cameras=sorted(one.name for one in page.site.cameras()),
        has_store=store is not None,
        has_account=user.id is not None,
    )


def _own(request: Request, user: User) -> None:
    """Refused for programs, and where no login is needed: there is no account then."""
    if user.id is None or request.state.how != "session":
        raise Refused("access.no_account")


def _role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    raise Wrong("access.wrong_role")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
