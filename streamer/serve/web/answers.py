"""Faults as answers: a page, a part of one, or JSON (RFC 9457) for programs."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from streamer.config.secrets import shown
from streamer.errors import AlprError, ConfigError
from streamer.serve.web.faults import Fault, NeedsLogin, NoStore, TooMany
from streamer.serve.web.page import Page

if TYPE_CHECKING:
    from streamer.serve.web.context import Site

_log = logging.getLogger(__name__)
_OF_STATUS = {404: "common.missing", 405: "common.wrong_method", 400: "common.wrong"}


def install_answers(app: FastAPI, site: Site) -> None:
    """Makes the app answer faults."""

    def of_fault(request: Request, error: Exception) -> Response:
        assert isinstance(error, Fault)
        headers = {}
        if isinstance(error, TooMany):
            headers["Retry-After"] = str(max(1, round(error.after_s)))
        if isinstance(error, NeedsLogin) and not _is_api(request):
            return _to_login(request, site)
        if isinstance(error, NeedsLogin):
            headers["WWW-Authenticate"] = 'Bearer realm="alpr"'
        return answer(
            request, site, error.status, error.key, headers, no_store=isinstance(error, NoStore), **error.values
        )

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        key = _OF_STATUS.get(error.status_code, "common.fault")
        return answer(request, site, error.status_code, key, dict(error.headers or {}))

    def of_input(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        told = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:5])
        return answer(request, site, 422, told)

    def of_program(request: Request, error: Exception) -> Response:
        return answer(request, site, 422 if isinstance(error, ConfigError) else 503, shown(str(error)))

    def of_bug(request: Request, error: Exception) -> Response:
        _log.error("page: %s %s failed", request.method, shown(request.url.path), exc_info=error)
        return answer(request, site, 500, "common.fault")

    app.add_exception_handler(Fault, of_fault)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_input)
    app.add_exception_handler(AlprError, of_program)
    app.add_exception_handler(Exception, of_bug)


def answer(
    request: Request,
    site: Site,
    status: int,
    key: str,
    headers: dict[str, str] | None = None,
    *,
    no_store: bool = False,
    **values: object,
) -> Response:
    """The answer of a fault: `key` of the strings, or a text."""
    page = Page(request, site, getattr(request.state, "user", None))
    title, told = HTTPStatus(status).phrase, page.t(key, **values)
    if _is_api(request):
        page.lang = "en"
        body = {"type": "about:blank", "title": title, "status": status, "detail": page.t(key, **values)}
        return JSONResponse(body, status, headers, "application/problem+json")
    if page.in_part:
        return page.part("common/fault_part.html", status=status, headers=headers, told=told)
    return page.show("common/fault.html", status=status, headers=headers, told=told, code=status, no_store=no_store)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _to_login(request: Request, site: Site) -> Response:
    page = Page(request, site)
    if page.in_part:
        return Response(status_code=204, headers={"HX-Redirect": page.url("/login")})
    if request.method not in ("GET", "HEAD"):
        return answer(request, site, 401, "common.needs_login")
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = page.url("/login") + ("" if where == "/" else f"?next={quote(where, safe='')}")
    return Response(status_code=303, headers={"Location": target})
