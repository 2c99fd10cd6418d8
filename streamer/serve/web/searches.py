"""Searches by text, beside cameras: in a process of its own, one after the other. Reading the texts of millions of
plates holds Python's lock, and every camera would wait for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from streamer.errors import ConfigError, OutputError
from streamer.serve.web.faults import TooMany

if TYPE_CHECKING:
    from streamer.store.database import Database
    from streamer.store.paging import Page
    from streamer.store.place import Place
    from streamer.store.selection import Selection

_MOST_WAITING = 8  # more than these are refused: whoever types again asks again
_AGAIN_S = 2.0
_NICE = 10

_Faults = ConfigError | OutputError
_store: Database | None = None  # of the process that searches


class Searches:
    """Those of one page. Threads may share it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._making = threading.Lock()
        self._places = threading.BoundedSemaphore(_MOST_WAITING)

    def page(self, store: Database, chosen: Selection, *, cursor: str | None, limit: int, who: str) -> Page:
        """As `store.paging.page`, in the other process; TooMany where many wait already."""
        if not self._places.acquire(blocking=False):
            raise TooMany("passages.busy", after_s=_AGAIN_S)
        try:
            asked = chosen, cursor, limit, who
            try:
                found = self._started(store.place).submit(_searched, *asked).result()
            except BrokenProcessPool:  # it was killed
                self.close()
                found = self._started(store.place).submit(_searched, *asked).result()
        finally:
            self._places.release()
        if isinstance(found, tuple):
            kind, told = found
            raise (ConfigError if kind == "ConfigError" else OutputError)(told)
        return found

    def _started(self, place: Place) -> ProcessPoolExecutor:
        with self._making:
            if self._pool is None:
                spawn = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, mp_context=spawn, initializer=_begin, initargs=(place,))
            return self._pool

    def close(self) -> None:
        """Ends the process; may be called twice, and another search begins a new one."""
        with self._making:
            pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((getattr(pool, "_processes", None) or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:  # a long search is not waited for
                process.terminate()


def _begin(place: Place) -> None:
    from streamer.store.database import open_database

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends it
    if hasattr(os, "nice"):
        os.nice(_NICE)
    global _store
    _store = open_database(place)


def _searched(chosen: Selection, cursor: str | None, limit: int, who: str) -> Page | tuple[str, str]:
    """What was found, or the fault: its kind and text."""
    from streamer.store.paging import page

    assert _store is not None
    try:
        return page(_store, chosen, cursor=cursor, limit=limit, who=who)
    except (ConfigError, OutputError) as error:
        return type(error).__name__, str(error)
