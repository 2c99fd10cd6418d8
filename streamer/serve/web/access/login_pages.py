"""Logging in and out, and what each browser chooses: language and colours."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from streamer.serve.web.access.accounts import verified
from streamer.serve.web.access.csrf import FORM_COOKIE, SESSION_COOKIE, check_csrf
from streamer.serve.web.access.limits import Limit
from streamer.serve.web.access.logins import begin_session, end_session
from streamer.serve.web.context import Site
from streamer.serve.web.faults import Fault, TooMany
from streamer.serve.web.needs import PageDep, SiteDep, needs
from streamer.serve.web.page import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Page
from streamer.serve.web.strings import LANGUAGES
from streamer.store.audit import noted

router = APIRouter()
_YEAR_S = 31_536_000


class Limits:
    """Wrong passwords: of one user from one address, of an address, of a user."""

    def __init__(self) -> None:
        self.pair, self.address, self.name = Limit(5, 300), Limit(20, 300), Limit(50, 300)

    def check(self, address: str, name: str) -> None:
        """TooMany where one is reached."""
        wait = max(self.pair.wait_s(f"{address} {name}"), self.address.wait_s(address), self.name.wait_s(name))
        if wait > 0:
            raise TooMany("access.too_many", after_s=wait, minutes=max(1, round(wait / 60)))

    def failed(self, address: str, name: str) -> None:
        self.pair.add(f"{address} {name}")
        self.address.add(address)
        self.name.add(name)


def limits_of(request: Request) -> Limits:
    state = request.app.state
    if not hasattr(state, "limits"):
        state.limits = Limits()
    limits: Limits = state.limits
    return limits


def anonymous(request: Request) -> Page:
    """A page for who is not logged in."""
    site: Site = request.app.state.site
    return Page(request, site)


LoginPage = Annotated[Page, Depends(anonymous)]


@router.get("/login")
def login_form(page: LoginPage, site: SiteDep, next: str = "") -> Response:
    """The form, with a cookie that its token goes with."""
    if not site.login:
        return Response(status_code=303, headers={"Location": page.url("/live")})
    if page.request.cookies.get(FORM_COOKIE):
        return page.show("access/login.html", next=local_path(next), told="", name="")
    made = secrets.token_urlsafe(24)
    page.request.cookies[FORM_COOKIE] = made  # the token of this answer is of the new cookie
    response = page.show("access/login.html", next=local_path(next), told="", name="")
    page.cookie(response, FORM_COOKIE, made, 86_400)
    return response


async def _form_token(request: Request) -> None:
    await check_csrf(request)


@router.post("/login", dependencies=[Depends(_form_token)])
def login(
    page: LoginPage,
    site: SiteDep,
    limits: Annotated[Limits, Depends(limits_of)],
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=4096)] = "",
    next: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Begins a session with a new token, whatever the browser sent before."""
    if not site.login:
        return Response(status_code=303, headers={"Location": page.url("/live")})
    address = page.request.client.host if page.request.client else ""
    where = local_path(next)
    try:
        limits.check(address, name)
    except TooMany as fault:
        return _refused(page, fault, where, name)
    database = site.database()
    user = verified(database, name, password)
    if user is None:
        limits.failed(address, name)
        noted(database, "login refused", {"address": address[:64], "user": name[:64]}, who="page")
        return _refused(page, None, where, name)
    limits.pair.forget(f"{address} {name}")
    old = page.request.cookies.get(SESSION_COOKIE)
    if old:
        end_session(database, old, user.name)
    token = begin_session(database, user, address=address, browser=page.request.headers.get("user-agent", ""))
    response = Response(status_code=303, headers={"Location": page.url(where)})
    page.cookie(response, SESSION_COOKIE, token, round(max(site.web.session_h, 24 * 30) * 3600))
    return response


def _refused(page: Page, fault: Fault | None, where: str, name: str) -> Response:
    status, told = (
        (401, page.t("access.wrong_login")) if fault is None else (fault.status, page.t(fault.key, **fault.values))
    )
    headers = {"Retry-After": str(round(fault.after_s) + 1)} if isinstance(fault, TooMany) else None
    return page.show("access/login.html", status=status, headers=headers, next=where, told=told, name=name[:64])


@router.post("/logout", dependencies=[needs("viewer")])
def logout(page: PageDep, site: SiteDep) -> Response:
    """Ends the session, in the store and in the browser."""
    token = page.request.cookies.get(SESSION_COOKIE)
    if token and site.login and page.user is not None:
        end_session(site.database(), token, page.user.name)
    response = Response(status_code=303, headers={"Location": page.url("/login")})
    response.delete_cookie(SESSION_COOKIE, path=page.url("/"), httponly=True, samesite="strict")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@router.post("/preferences", dependencies=[needs("viewer")])
def preferences(
    page: PageDep,
    lang: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
    next: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Keeps language and colours in the browser."""
    response = Response(status_code=303, headers={"Location": page.url(local_path(next))})
    if lang in LANGUAGES:
        page.cookie(response, LANGUAGE_COOKIE, lang, _YEAR_S)
    if theme in THEMES:
        page.cookie(response, THEME_COOKIE, theme, _YEAR_S)
    return response


def local_path(text: str) -> str:
    """A path of this page, below the prefix; "/" for anything else, so that nobody is sent elsewhere after a login."""
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and "\\" not in text
    if not plain or any(ord(c) < 33 or ord(c) == 127 for c in text) or text.startswith(("/login", "/logout")):
        return "/"
    return "".join(c if c.isascii() else "%" + "%".join(f"{b:02X}" for b in c.encode()) for c in text)
