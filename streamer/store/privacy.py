"""What a run does for privacy: plates as keyed hashes, and deleting what is too old."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from streamer.config.keep import HashConfig, KeepConfig
from streamer.sink.jsonl import record_of
from streamer.store.database import Database
from streamer.store.hashing import Keys, hidden
from streamer.store.purge import purge
from streamer.store.rows import Record
from streamer.types import Passage, Posterior

_log = logging.getLogger(__name__)

_EVERY_S = 3600.0
_MOST = 2000  # deleted at a time, so that rows of cameras do not wait


class Privacy:
    """Which plates are stored as hashes, by `hash` of the output's settings."""

    def __init__(self, config: HashConfig) -> None:
        self._plates = config.plates
        self._keys = None
        if config.keys is not None and self.is_on:
            self._keys = Keys(config.keys, rotate_days=config.rotate_days, remember_days=config.remember_days)

    @property
    def is_on(self) -> bool:
        return self._plates != "none"

    def hides(self, passage: Passage) -> bool:
        """Whether the plate is stored as a hash: then no picture of it is kept, either."""
        return self._plates == "all" or (self._plates == "others" and not passage.watch)

    def row(self, passage: Passage) -> tuple[Record, Posterior | None]:
        """The record and the distributions to store."""
        record = record_of(passage)
        if self._keys is None or not self.hides(passage):
            return record, passage.posterior
        return hidden(record, self._keys), None


class Retention:
    """Deletes what the rules do not allow to be kept: of cameras every hour, of recordings at the end."""

    def __init__(
        self, database: Database, rules: KeepConfig, folder: Path | None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._database, self._rules, self._folder, self._clock = database, rules, folder, clock
        self._is_on = any(value is not None for value in rules.model_dump().values())
        self._next: float | None = None

    def step(self) -> None:
        """Deletes a part of it, where it is time."""
        now = self._clock()
        if not self._is_on or (self._next is not None and now < self._next):
            return
        self._next = now + _EVERY_S
        report = purge(self._database, self._rules, self._folder, most=_MOST)
        if not report["complete"]:
            self._next = now
        if any(report["deleted"].values()):
            _log.info("%s: deleted by keep: %s", self._database.name, _told(report["deleted"]))

    def finish(self) -> None:
        """At the end of a run that had no ticks."""
        if self._is_on and self._next is None:
            purge(self._database, self._rules, self._folder, most=_MOST)


def _told(deleted: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in deleted.items() if count)
