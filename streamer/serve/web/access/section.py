"""The account page, and users."""

from __future__ import annotations

from streamer.serve.web.access import api, pages
from streamer.serve.web.sections import Section

SECTION = Section("access", pages.router, order=95, icon="key", api=api.api, in_navigation=False)
