"""The section of passages."""

from __future__ import annotations

from streamer.serve.web.passages import api, pages
from streamer.serve.web.sections import Section

SECTION = Section(
    "passages",
    pages.router,
    order=20,
    icon="list",
    api=api.api,
    scripts=("passages.js",),
    styles=("passages.css",),
)
