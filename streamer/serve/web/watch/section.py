"""The section of lists of plates."""

from __future__ import annotations

from streamer.serve.web.sections import Section
from streamer.serve.web.watch import api, pages

SECTION = Section(
    "watch",
    pages.router,
    order=30,
    icon="bell",
    api=api.api,
    scripts=("watch.js",),
    styles=("passages.css", "watch.css"),
)
