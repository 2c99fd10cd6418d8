"""The account of who is logged in, and for admins all users."""

from __future__ import annotations

from fastapi import APIRouter, Response

from streamer.serve.web.needs import PageDep

router = APIRouter()


@router.get("")
def index(page: PageDep) -> Response:
    """The account."""
    return page.show("access/index.html")
