"""The page of the system."""

from __future__ import annotations

from streamer.serve.web.sections import Section
from streamer.serve.web.system import pages

SECTION = Section("system", pages.router, role="operator", order=90, icon="gear")
