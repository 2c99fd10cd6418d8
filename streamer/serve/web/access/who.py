"""Who sends a request: a program by its token, a browser by its login, or somebody on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import Request

from streamer.serve.web.access.csrf import SESSION_COOKIE
from streamer.serve.web.access.logins import session_user, token_user
from streamer.serve.web.faults import NeedsLogin
from streamer.serve.web.roles import LOCAL, User

if TYPE_CHECKING:
    from streamer.serve.web.context import Site

How = Literal["token", "session", "local"]


def who_asks(site: Site, request: Request) -> tuple[User, How]:
    """The user; NeedsLogin where nobody is logged in. Tokens are taken from the header alone: an address ends up in
    logs and histories."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and site.store is not None:
        user = token_user(site.database(), token.strip())
        if user is None:
            raise NeedsLogin("common.bad_token")
        return user, "token"
    if not site.login:
        return LOCAL, "local"
    cookie = request.cookies.get(SESSION_COOKIE)
    user = session_user(site.database(), cookie, site.web.session_h) if cookie else None
    if user is None:
        raise NeedsLogin
    return user, "session"
