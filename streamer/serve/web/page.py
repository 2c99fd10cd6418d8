"""Rendering: templates with the texts, addresses and rights of one request."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from streamer.serve.web.access.csrf import csrf_token
from streamer.serve.web.roles import ROLES, User
from streamer.serve.web.sections import sections
from streamer.serve.web.strings import LANGUAGES, chosen, text
from streamer.store.times import moment

if TYPE_CHECKING:
    from streamer.serve.web.context import Site

STATIC = Path(__file__).parent / "static"
THEMES = ("auto", "light", "dark")
LANGUAGE_COOKIE, THEME_COOKIE, NOTE_COOKIE = "alpr_lang", "alpr_theme", "alpr_note"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("streamer.serve.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def static_path(name: str) -> str:
    """The path of a file in `static`, with a part that changes when it does."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


class Page:
    """One request's answer. `user`: None where nobody is logged in."""

    def __init__(self, request: Request, site: Site, user: User | None = None) -> None:
        self.request, self.site, self.user = request, site, user
        self.lang = chosen(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))
        theme = request.cookies.get(THEME_COOKIE, "auto")
        self.theme = theme if theme in THEMES else "auto"

    def t(self, key: str, **values: object) -> str:
        """The text of a key in the reader's language."""
        return text(self.lang, key, **values)

    def url(self, path: str) -> str:
        """A path of the page, below the prefix."""
        return self.site.web.prefix + path

    @property
    def in_part(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return "hx-request" in self.request.headers and "hx-boosted" not in self.request.headers

    def show(
        self, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
    ) -> Response:
        """A whole page."""
        note = self.request.cookies.get(NOTE_COOKIE, "")
        response = HTMLResponse(self.html(template, note=note, **values), status, headers)
        if note:
            response.delete_cookie(NOTE_COOKIE, path=self.url("/"))
        return response

    def part(
        self, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
    ) -> Response:
        """A part of a page, for htmx."""
        return HTMLResponse(self.html(template, note="", **values), status, headers)

    def html(self, template: str, **values: Any) -> str:
        """The text of a template."""
        return _environment().get_template(template).render(self._common() | values)

    def back(self, path: str, note: str = "") -> Response:
        """On to another page, after something was changed; `note`: a key of the strings, shown there once."""
        if self.in_part:
            response = Response(status_code=204, headers={"HX-Redirect": self.url(path)})
        else:
            response = RedirectResponse(self.url(path), 303)
        if note:
            self.cookie(response, NOTE_COOKIE, note, 30)
        return response

    def cookie(self, response: Response, name: str, value: str, age_s: int) -> None:
        """Sets a cookie for this page alone."""
        response.set_cookie(
            name,
            quote(value, safe="._-"),
            max_age=age_s,
            path=self.url("/"),
            secure=self.is_secure,
            httponly=True,
            samesite="strict",
        )

    @property
    def is_secure(self) -> bool:
        """Whether the browser asked by https."""
        return bool(self.request.url.scheme == "https")

    def _common(self) -> dict[str, Any]:
        token = csrf_token(self.request)
        role = -1 if self.user is None else ROLES.index(self.user.role)
        shown = [one for one in sections() if one.in_navigation and ROLES.index(one.role) <= role]
        here = self.request.url.path.removeprefix(self.site.web.prefix).strip("/").split("/")[0]
        return {
            "page": self, "t": self.t, "url": self.url, "static": lambda name: self.url(static_path(name)),
            "user": self.user, "can": lambda wanted: self.user is not None and self.user.at_least(wanted),
            "lang": self.lang, "languages": LANGUAGES, "theme": self.theme, "themes": THEMES, "site": self.site,
            "csrf": token, "csrf_field": Markup('<input type="hidden" name="csrf_token" value="{}">').format(token),
            "navigation": shown, "here": here, "section": next((s for s in sections() if s.name == here), None),
            "when": when, "percent": percent, "icon": partial(_icon, self.url(static_path("icons.svg"))), "note": "",
        }  # fmt: skip


def when(at: int | datetime | None, style: str = "") -> Markup:
    """A time that app.js shows in the reader's zone. `style`: "time" without the date where that is today, "age" as
    time passed."""
    if at is None:
        return Markup('<span class="muted">–</span>')
    time = moment(at) if isinstance(at, int) else at.astimezone(UTC)
    iso = time.isoformat(timespec="milliseconds")
    short = style == "time" and time.date() == datetime.now(UTC).date()
    shown = time.strftime("%H:%M:%S" if short else "%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}" data-style="{}">{} UTC</time>').format(iso, style, shown)


def percent(value: float) -> str:
    """A probability, as all pages have it: never more sure than it is."""
    if value > 0.995:
        return "99+ %"
    return "<1 %" if 0 < value < 0.005 else f"{value * 100:.0f} %"


def _icon(file: str, name: str, title: str = "") -> Markup:
    """A symbol of icons.svg; `title` where it stands alone."""
    if title:
        return Markup('<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"></use></svg>').format(
            title, file, name
        )
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(file, name)
