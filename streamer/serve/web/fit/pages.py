"""Pages of how fit cameras are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from streamer.fit.from_store import crop_of
from streamer.serve.web.faults import Missing
from streamer.serve.web.fit.measures import PLOTS, fit_of, keeps_rejected, known, names_of, plot_of, points_of, view_of
from streamer.serve.web.fit.places import places_of
from streamer.serve.web.needs import PageDep, SiteDep, StoreDep, UserDep
from streamer.serve.web.pictures import picture_response

router = APIRouter()
Camera = Annotated[str, Query(max_length=200)]


@router.get("")
def index(page: PageDep, site: SiteDep, user: UserDep) -> Response:
    """All cameras."""
    return page.show("fit/index.html", cameras=names_of(site, user))


@router.get("/card")
def card(page: PageDep, site: SiteDep, user: UserDep, camera: Camera) -> Response:
    """One camera in short, as a part of the page."""
    return page.part(
        "fit/_card.html", camera=known(site, user, camera), fit=fit_of(site, camera), keeps=keeps_rejected(site)
    )


@router.get("/camera")
def one(page: PageDep, site: SiteDep, user: UserDep, camera: Camera) -> Response:
    """One camera: verdict, histograms, tracks without a row, zones and lines."""
    known(site, user, camera)
    view = view_of(site, camera)
    return page.show(
        "fit/one.html",
        camera=camera,
        fit=fit_of(site, camera, fresh=True),
        keeps=keeps_rejected(site),
        plots=PLOTS,
        view=view,
        points=[] if view is None else points_of(site, camera, view.size),
        placed=places_of(site, camera),
    )


@router.get("/plot/{name}")
def plot(page: PageDep, site: SiteDep, user: UserDep, name: str, camera: Camera) -> Response:
    """A histogram, for plots.js."""
    found = fit_of(site, known(site, user, camera))
    if found is None or name not in PLOTS:
        raise Missing
    return JSONResponse(plot_of(found, name, {"rows": page.t("fit.vehicles")}))


@router.get("/picture")
def picture(request: Request, site: SiteDep, user: UserDep, camera: Camera) -> Response:
    """The picture that zones are drawn on."""
    view = view_of(site, known(site, user, camera))
    found = None if view is None else view.jpeg if view.jpeg is not None else view.path
    if found is None:
        raise Missing
    return picture_response(request, found, "image/jpeg")


@router.get("/rejected/{number}")
def rejected(request: Request, store: StoreDep, user: UserDep, number: int) -> Response:
    """The crop of a track without a row."""
    found = crop_of(store, number) if 0 <= number < 1 << 62 else None
    if found is None or not user.sees(found[0]):
        raise Missing
    return picture_response(request, found[1], "image/png")
