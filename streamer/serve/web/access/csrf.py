"""Tokens of forms: a request that changes something must carry what only a page of this site could read."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from fastapi import Request

from streamer.serve.web.faults import Refused

SESSION_COOKIE, FORM_COOKIE = "alpr_session", "alpr_form"
HEADER, FIELD = "x-csrf-token", "csrf_token"
_SECRET = secrets.token_bytes(32)  # of this process
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def csrf_token(request: Request) -> str:
    """The token of the browser that asks: it changes with its login."""
    cookie = request.cookies.get(SESSION_COOKIE) or request.cookies.get(FORM_COOKIE) or ""
    return hmac.new(_SECRET, cookie.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


async def check_csrf(request: Request) -> None:
    """Refused where another site sent the request, or it lacks the token."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused("common.other_site")
    given = request.headers.get(HEADER, "")
    if not given and request.headers.get("content-type", "").split(";")[0].strip().lower() in _FORMS:
        field = (await request.form()).get(FIELD, "")
        given = field if isinstance(field, str) else ""
    if not hmac.compare_digest(given.encode(), csrf_token(request).encode()):
        raise Refused("common.stale_form")
