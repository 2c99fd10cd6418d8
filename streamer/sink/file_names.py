"""Names of files made from free text (camera names, plates): one path component, valid on every file system, and
distinct for distinct texts."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_UNFIT = re.compile(r"[^\w.+-]+")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in range(1, 10))}
_MOST_BYTES = 120  # of a name: 255 less room for a template's text, a number and a suffix


def file_name(text: str, otherwise: str = "camera") -> str:
    """`text` as a part of a file name. A name that had to be altered ends in a short hash of the text, so that two
    texts never share a name; `otherwise` is used where no character of it remains."""
    name = _UNFIT.sub("_", unicodedata.normalize("NFC", text)).strip("._")
    encoded = name.encode("utf-8", "replace")
    name = encoded[:_MOST_BYTES].decode("utf-8", "ignore").rstrip("._") or otherwise
    if name == text and name.split(".")[0].casefold() not in _RESERVED:
        return name
    return f"{name}-{_short(text)}"


class FileNames:
    """The names of one run: two that differ only in case would be one file on some systems, so that the later one gets
    a hash, too."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def of(self, text: str, otherwise: str = "camera") -> str:
        name = file_name(text, otherwise)
        if self._taken.setdefault(name.casefold(), text) == text:
            return name
        return f"{name}-{_short(text)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
