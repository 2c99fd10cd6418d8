"""The page of the system."""

from __future__ import annotations

from fastapi import APIRouter, Response

from streamer.serve.web.needs import PageDep

router = APIRouter()


@router.get("")
def index(page: PageDep) -> Response:
    """What is in force."""
    return page.show("system/index.html")
