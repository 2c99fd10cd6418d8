"""Pictures of passages from the store's folder."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

from fastapi import Request, Response

from streamer.serve.web.context import Site
from streamer.serve.web.faults import Missing
from streamer.serve.web.pictures import picture_response
from streamer.serve.web.roles import User
from streamer.store.database import Database
from streamer.store.detail import Picture, picture_of

Kind = Literal["crop", "snapshot"]
_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}


def stored_picture(request: Request, store: Database, user: User, site: Site, event_id: str, kind: Kind) -> Response:
    """The picture of a passage that the user may see."""
    found = picture_of(store, event_id, kind, seen=user.cameras)
    path = None if found is None else path_of(site, found)
    if found is None or path is None:
        raise Missing
    return picture_response(request, path, _TYPES.get(path.suffix, "image/jpeg"), tag=found.sha256[:32])


def path_of(site: Site, picture: Picture) -> Path | None:
    """Where a picture lies; None where no folder of pictures is known, or it would lie outside it."""
    if site.files is None:
        return None
    folder = Path(site.files).resolve()
    path = (folder / picture.path).resolve()
    return path if path.is_relative_to(folder) else None


def size_of(site: Site, picture: Picture | None) -> tuple[int, int] | None:
    """Width and height of a JPEG, from its header; None where it is not there."""
    path = None if picture is None else path_of(site, picture)
    if path is None:
        return None
    try:
        with path.open("rb") as stream:
            if stream.read(2) != b"\xff\xd8":
                return None
            while True:
                mark, length = struct.unpack(">HH", stream.read(4))
                if 0xFFC0 <= mark <= 0xFFCF and mark not in (0xFFC4, 0xFFC8, 0xFFCC):
                    _, height, width = struct.unpack(">BHH", stream.read(5))
                    return width, height
                stream.seek(length - 2, 1)
    except (OSError, struct.error):
        return None
