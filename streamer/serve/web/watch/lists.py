"""The lists of the configuration with what their files hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from streamer.config.watch import WatchConfig
from streamer.errors import ConfigError
from streamer.plates.look_alikes import as_plate
from streamer.serve.web.context import Site
from streamer.serve.web.faults import Missing
from streamer.watch.edit import OpenedList, open_list
from streamer.watch.lists import Entry

SHOWN = 200  # entries on one page


@dataclass(frozen=True)
class ListOfPlates:
    """`key`: in addresses; `of`: the camera that has it for itself, empty where all have it; `fault`: why its file
    cannot be used."""

    key: str
    config: WatchConfig
    of: str = ""
    opened: OpenedList | None = None
    fault: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return Path(self.config.file)

    def entries(self, text: str = "") -> list[Entry]:
        """Those whose plate or words have this text, in the file's order."""
        if self.opened is None:
            return []
        plain, plate = text.casefold(), as_plate(text)
        return [
            one
            for one in self.opened.plates.entries
            if not text
            or (plate and plate in as_plate(one.plate))
            or any(plain in words.casefold() for words in (one.name, one.note))
        ]


def lists_of(site: Site) -> list[ListOfPlates]:
    """All lists, each read from its file."""
    return [_read(config, of) for config, of in _configs(site)]


def list_of(site: Site, key: str) -> ListOfPlates:
    """One of them; Missing where there is none of that key."""
    for config, of in _configs(site):
        if _key(config, of) == key:
            return _read(config, of)
    raise Missing("watch.missing")


def state_of(entry: Entry, now: datetime) -> str:
    """Whether an entry holds now: "", "later" or "over"."""
    if entry.valid_from is not None and now < entry.valid_from:
        return "later"
    return "over" if entry.valid_until is not None and now >= entry.valid_until else ""


def _configs(site: Site) -> list[tuple[WatchConfig, str]]:
    if site.config is None:
        return []
    found = [(one, "") for one in site.config.watch]
    return found + [(one, name) for name, camera in site.config.cameras.items() for one in camera.watch]


def _key(config: WatchConfig, of: str) -> str:
    return hashlib.sha256(f"{config.name}\n{config.file}\n{of}".encode("utf-8", "replace")).hexdigest()[:10]


def _read(config: WatchConfig, of: str) -> ListOfPlates:
    try:
        return ListOfPlates(_key(config, of), config, of, open_list(Path(config.file)))
    except ConfigError as error:
        return ListOfPlates(_key(config, of), config, of, None, tuple(error.messages) or (str(error),))
