"""The page of the system."""

from __future__ import annotations

from streamer.serve.web.sections import Section
from streamer.serve.web.system import api, pages

SECTION = Section(
    "system",
    pages.router,
    role="operator",
    order=90,
    icon="gear",
    api=api.api,
    scripts=("vendor/uplot/uPlot.iife.min.js", "plots.js"),
    styles=("vendor/uplot/uPlot.min.css", "system.css"),
)
