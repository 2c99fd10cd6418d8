"""The app: all sections with what they demand, the login, files of the page, and the description of the interface."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from mimetypes import guess_type

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from streamer.serve.web.access.login_pages import router as login_router
from streamer.serve.web.answers import install_answers
from streamer.serve.web.background import background
from streamer.serve.web.context import Site
from streamer.serve.web.faults import Missing
from streamer.serve.web.needs import PageDep, needs, user_of
from streamer.serve.web.page import STATIC, static_path
from streamer.serve.web.sections import sections
from streamer.serve.web.shield import App, Shield

_FILES = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_YEAR = "public, max-age=31536000, immutable"


def make_app(site: Site) -> App:
    """The page of `site`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(background(site))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app = FastAPI(
        title="alpr-streamer",
        version=_version(),
        description="Cameras, passages, watchlists and settings. Programs send `Authorization: Bearer TOKEN`.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.site = site
    install_answers(app, site)
    app.include_router(_open(), include_in_schema=False)
    app.include_router(login_router, include_in_schema=False)
    for one in sections():
        demanded = [needs(one.role)]
        app.include_router(one.pages, prefix=f"/{one.name}", dependencies=demanded, include_in_schema=False)
        if one.api is not None:
            app.include_router(one.api, prefix="/api/v1", tags=[one.name], dependencies=demanded)

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    def described(request: Request) -> Response:
        user_of(request)
        schema = app.openapi() | {"servers": [{"url": site.web.prefix or "/"}]}
        return JSONResponse(schema)

    return Shield(app, site.web, login=site.login)


def _open() -> APIRouter:
    """What needs no login: files of the page, and whether the server is alive."""
    router = APIRouter()

    @router.get("/")
    def home(page: PageDep) -> Response:
        return Response(status_code=303, headers={"Location": page.url("/live")})

    @router.get("/static/{name:path}")
    def static(request: Request, name: str) -> Response:
        path = _FILES.get(name)  # by its name in the list: no part of the request is ever a path on the disk
        if path is None:
            raise Missing
        same = static_path(name).endswith(f"={request.query_params.get('v')}")
        kind = _TYPES.get(path.suffix) or guess_type(path.name)[0] or "text/plain"
        headers = {"Cache-Control": _YEAR if same else "public, max-age=300", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(_packed(name), media_type=kind, headers=headers | {"Content-Encoding": "gzip"})
        return Response(path.read_bytes(), media_type=kind, headers=headers)

    @router.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", media_type="text/plain")

    return router


@cache
def _packed(name: str) -> bytes:
    """A file for browsers that unpack it. Pages are never packed: their size would tell of what is in them."""
    return gzip.compress(_FILES[name].read_bytes(), 9, mtime=0)


def _version() -> str:
    try:
        return version("alpr-streamer")
    except PackageNotFoundError:
        return "unknown"
