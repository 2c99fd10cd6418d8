"""What the page is served from: the run's state, the store, the settings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.config.models import RunConfig, load_config
from streamer.config.web import WebConfig
from streamer.errors import ConfigError
from streamer.serve.web.faults import NoStore, Unavailable
from streamer.serve.web.live.cameras import CameraState, states_of_run, states_of_store
from streamer.serve.web.live.feed import NewsFeed
from streamer.serve.web.live.pictures import Pictures
from streamer.serve.web.searches import Searches
from streamer.serve.web.system.history import History
from streamer.serve.web.system.log_lines import LogLines

if TYPE_CHECKING:
    from streamer.pipeline.status import Streams
    from streamer.store.database import Database
    from streamer.store.paging import Page
    from streamer.store.selection import Selection


@dataclass(eq=False)
class Site:
    """`web`: how it is served; `login`: whether a login is needed. `config`: of the run (None where a store is served
    alone), `config_path`: its file. `streams`: of the run beside it. `store`: where the
    rows are, `files`: the folder of their pictures. `doctor`: checks of this machine."""

    web: WebConfig = field(default_factory=WebConfig)
    login: bool = False
    config: RunConfig | None = None
    config_path: Path | None = None
    streams: Streams | None = None
    store: str | None = None
    files: Path | None = None
    doctor: Callable[[], Iterable[Any]] | None = None
    feed: NewsFeed = field(default_factory=NewsFeed)
    pictures: Pictures = field(default_factory=Pictures)
    history: History = field(default_factory=History)
    log: LogLines = field(default_factory=LogLines)
    searches: Searches = field(default_factory=Searches)

    def __post_init__(self) -> None:
        self._opened: Database | None = None
        self._opening = threading.Lock()

    @property
    def runs_cameras(self) -> bool:
        """Whether the cameras are read in this process."""
        return self.streams is not None

    def database(self) -> Database:
        """The store, opened when it is first asked for; NoStore where there is none, Unavailable while the
        run beside has not made it."""
        if self.store is None:
            raise NoStore
        with self._opening:
            if self._opened is None:
                from streamer.store.database import open_database

                try:
                    self._opened = open_database(self.store)
                except ConfigError:
                    if self.runs_cameras:  # the run makes it, or ends
                        raise Unavailable("common.starting") from None
                    raise
            return self._opened

    def cameras(self) -> list[CameraState]:
        """The state of every camera."""
        if self.streams is not None:
            return states_of_run(self.streams, self.config)
        return [] if self.store is None else states_of_store(self.database())

    def reads(self, camera: str) -> bool:
        """Whether a camera of that name is read in this process."""
        return self.streams is not None and self.streams.has(camera)

    def found(self, chosen: Selection, *, cursor: str | None, limit: int, who: str) -> Page:
        """The passages that are chosen; a search by text beside cameras does not hold them up."""
        from streamer.store.paging import page

        store = self.database()
        if self.runs_cameras and chosen.text:
            return self.searches.page(store, chosen, cursor=cursor, limit=limit, who=who)
        return page(store, chosen, cursor=cursor, limit=limit, who=who)

    def reload_config(self) -> None:
        """Reads the configuration file again, after it was saved; a run goes on with what it began with."""
        if self.config_path is not None:
            self.config = load_config(self.config_path)

    def close(self) -> None:
        """Wakes up who waits for what is new, and closes the store."""
        self.feed.close()
        self.searches.close()
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None
