"""Pictures as answers, with a tag by which a browser need not load the same one twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import Request, Response

from streamer.serve.web.faults import Missing


def picture_response(request: Request, picture: bytes | Path, media_type: str, *, tag: str | None = None) -> Response:
    """The picture, or 304 where the browser has it. `tag`: changes with it, else its hash; Missing where the file is
    gone."""
    if isinstance(picture, Path):
        try:
            picture = picture.read_bytes()
        except OSError:
            raise Missing from None
    name = f'"{tag or hashlib.sha256(picture).hexdigest()[:32]}"'
    headers = {"ETag": name, "Cache-Control": "private, no-cache"}
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if name in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type=media_type, headers=headers)
