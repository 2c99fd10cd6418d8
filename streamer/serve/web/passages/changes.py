"""What a revision of a passage changed, for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from streamer.serve.web.page import Page, percent, when
from streamer.serve.web.strings import text


def told(page: Page, key: str, value: Any) -> str:
    """A value of a row in words."""
    if value is None or value in ("", [], ()):
        return "–"
    if key == "flags":
        return ", ".join(_word(page, f"common.flag_{one}", one) for one in value)
    if key in ("status", "movement"):
        return _word(page, f"passages.{key}_{value}", value)
    if key == "confidence":
        return percent(value)
    if key == "last_seen":
        return when(datetime.fromisoformat(value))
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _word(page: Page, key: str, value: Any) -> str:
    """The text of a key; the value itself where there is none."""
    found = text(page.lang, key)
    return str(value) if found == key else found
