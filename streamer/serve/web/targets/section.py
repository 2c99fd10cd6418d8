"""The section of targets."""

from __future__ import annotations

from streamer.serve.web.sections import Section
from streamer.serve.web.targets import api, pages

SECTION = Section("targets", pages.router, order=40, icon="send", api=api.api, styles=("targets.css",))
