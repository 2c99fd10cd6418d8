"""The section of cameras and how fit they are."""

from __future__ import annotations

from streamer.serve.web.fit import api, pages
from streamer.serve.web.sections import Section

SECTION = Section(
    "fit",
    pages.router,
    order=50,
    icon="gauge",
    api=api.api,
    scripts=("vendor/uplot/uPlot.iife.min.js", "plots.js", "fit.js"),
    styles=("vendor/uplot/uPlot.min.css", "fit.css"),
)
