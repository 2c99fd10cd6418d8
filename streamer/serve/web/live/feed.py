"""What is new, for everybody who listens: each listener has a bounded queue of its own, so that one who reads slowly
misses the oldest and delays nobody."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

_MOST = 200  # events that wait for a listener
MOST_LISTENERS = 200


@dataclass(frozen=True)
class News:
    """`kind`: passage, status, hit, or a section's own; `camera`: empty where it is of none."""

    kind: str
    camera: str
    payload: Any = None


class Listener:
    """One who listens. `missed`: events that were dropped as it reads too slowly."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._ready = loop, asyncio.Event()
        self._queue: deque[News] = deque(maxlen=_MOST)
        self.missed = 0
        self.closed = False

    def put(self, news: News | None) -> None:
        """From any thread; None ends it."""
        if news is None:
            self.closed = True
        else:
            self.missed += len(self._queue) == _MOST
            self._queue.append(news)
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:  # its loop has ended
            self.closed = True

    async def next(self, timeout_s: float) -> News | None:
        """The next event; None after a while without one."""
        if not self._queue and not self.closed:
            self._ready.clear()
            if not self._queue:
                try:
                    await asyncio.wait_for(self._ready.wait(), timeout_s)
                except TimeoutError:
                    return None
        return self._queue.popleft() if self._queue else None

    async def events(self, timeout_s: float) -> AsyncIterator[News | None]:
        """Events until the end; None after each while without one."""
        while not self.closed:
            yield await self.next(timeout_s)


class NewsFeed:
    """Passes what is new to all listeners; for any number of threads."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()
        self.closed = False

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def publish(self, kind: str, camera: str, payload: Any = None) -> None:
        """Never waits."""
        with self._lock:
            for one in self._listeners:
                one.put(News(kind, camera, payload))

    def listen(self) -> Listener | None:
        """A new listener, on the event loop of the caller; None where there are too many."""
        with self._lock:
            if self.closed or len(self._listeners) >= MOST_LISTENERS:
                return None
            one = Listener(asyncio.get_running_loop())
            self._listeners.add(one)
            return one

    def leave(self, one: Listener) -> None:
        with self._lock:
            self._listeners.discard(one)

    def close(self) -> None:
        """Ends all listeners."""
        with self._lock:
            self.closed = True
            for one in self._listeners:
                one.put(None)
