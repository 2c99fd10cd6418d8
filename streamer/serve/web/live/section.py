"""The live page."""

from __future__ import annotations

from streamer.serve.web.live import api, pages
from streamer.serve.web.sections import Section

SECTION = Section(
    "live", pages.router, order=10, icon="camera", api=api.api, scripts=("live.js",), styles=("live.css",)
)
