"""Sends a shard's outbox, and what dead shards of the machine have left, to the store; waits while that is away."""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from streamer.cluster.fleet.outbox import Outbox, left_behind
from streamer.cluster.fleet.reports import OutboxReport
from streamer.config.outputs import StoreOutput
from streamer.errors import AlprError
from streamer.store.database import Database, open_database
from streamer.store.inbox import Entry, Inbox
from streamer.store.leases import Leases
from streamer.store.privacy import Retention
from streamer.store.schema import runs
from streamer.store.times import now
from streamer.store.write import new_id

_log = logging.getLogger(__name__)

_POLL_S = 0.2
_MOST, _TRIES = 200, 3  # entries at once; attempts with one that the store does not take
_ADOPT_S = 2.0
_MOST_WAIT_S = 5.0
_CHECK_S = 2.0
_REPORT_S = 60.0


class Forwarder:
    """Works in a thread until it is closed. `held`: the shard's cameras with their tokens where the supervisor has
    been silent, to be asked for in the store; `lost`: called with those that another has been granted."""

    def __init__(
        self,
        outbox: Outbox,
        folder: Path,
        output: StoreOutput,
        version: str,
        *,
        held: Callable[[], Mapping[str, int]] = dict,
        lost: Callable[[str], None] = lambda camera: None,
    ) -> None:
        self._outbox, self._folder, self._output, self._version = outbox, folder, output, version
        self._held, self._lost = held, lost
        self._stop = threading.Event()
        self._error, self._sent, self._refused, self._dead = "", 0, 0, 0
        self._most, self._tries = _MOST, 0
        self._database: Database | None = None
        self._inbox: Inbox | None = None
        self._retention: Retention | None = None
        self._adopted_at = self._checked_at = self._reported_at = float("-inf")
        self._thread = threading.Thread(target=self._work, name="alpr-forward", daemon=True)
        self._thread.start()

    @property
    def report(self) -> OutboxReport:
        """What waits and what was done."""
        count, oldest = self._outbox.waiting()
        age = max(0.0, time.time() - oldest) if count else 0.0
        return OutboxReport(count, round(age, 1), self._refused, self._sent, self._error, self._dead)

    def close(self, within_s: float = 5.0) -> bool:
        """Sends what is left, within a time; whether all was sent."""
        deadline = time.monotonic() + within_s
        while self._outbox.waiting()[0] and not self._error and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stop.set()
        self._thread.join(max(0.1, deadline - time.monotonic()))
        return not self._outbox.waiting()[0]

    def _work(self) -> None:
        wait_s = _POLL_S
        while not self._stop.wait(wait_s):
            try:
                busy = self._step()
                if self._error:
                    _log.info("%s: can be reached again; what waited is sent", self._output_name)
                self._error, wait_s = "", 0.0 if busy else _POLL_S
            except AlprError as error:
                self._tell(str(error))
                self._forget()
                wait_s = min(max(2 * wait_s, 0.5), _MOST_WAIT_S)
            except Exception as error:  # a bug must not lose rows: they stay in the outbox
                _log.exception("rows could not be sent to the store; they stay in the outbox")
                self._tell(f"{type(error).__name__}: {error}")
                wait_s = min(max(2 * wait_s, 0.5), _MOST_WAIT_S)
        self._forget()

    def _step(self) -> bool:
        """Sends a part; whether there is more."""
        inbox = self._open()
        more = self._send(inbox, self._outbox)
        moment = time.monotonic()
        if moment - self._adopted_at >= _ADOPT_S:
            self._adopted_at = moment
            self._adopt(inbox)
        if moment - self._checked_at >= _CHECK_S and (held := self._held()):
            self._checked_at = moment
            assert self._database is not None
            for camera in Leases(self._database).superseded(held):
                self._lost(camera)
        if self._retention is not None:
            self._retention.step()
        return more

    def _send(self, inbox: Inbox, outbox: Outbox) -> bool:
        entries = outbox.next(self._most)
        if not entries:
            return False
        try:
            self._refused += inbox.apply(outbox.name, entries)
        except Exception as error:
            if not self._is_at_fault(entries[0]):
                raise
            outbox.bury(entries[0], " ".join(str(error).split()))
            self._dead += 1
            _log.error("the store does not take an entry of %s, which is left in %s: %s", entries[0].lease.camera,
                       outbox.graveyard, error)  # fmt: skip
            return True
        self._most, self._tries = _MOST, 0
        outbox.done(entries)
        self._sent += len(entries)
        return True

    def _is_at_fault(self, entry: Entry) -> bool:
        """Whether an entry, and not the database, is why it could not be written: alone, several times, while the
        database answers. What comes after it must not wait for ever."""
        alone, self._most = self._most == 1, 1
        try:
            assert self._database is not None
            Leases(self._database).supervisor()
        except AlprError:
            return False
        self._tries = self._tries + 1 if alone else 0
        if self._tries < _TRIES:
            return False
        self._tries = 0
        return True

    def _adopt(self, inbox: Inbox) -> None:
        for left in left_behind(self._folder):
            empty = False
            try:
                count = left.waiting()[0]
                while self._send(inbox, left):
                    pass
                inbox.forget(left.name)
                empty = True
                if count:
                    _log.info("%d entries that a process left behind were sent", count)
            finally:
                left.close(remove=empty)

    def _open(self) -> Inbox:
        if self._inbox is None:
            self._database = open_database(self._output.path)
            values = {"started_at": now(), "version": self._version, "host": platform.node(), "pid": os.getpid()}
            with self._database.write() as connection:
                number = new_id(connection, runs, values)
            self._inbox = Inbox(self._database, number)
            self._retention = Retention(self._database, self._output.keep, None)
        return self._inbox

    def _forget(self) -> None:
        database, self._database, self._inbox, self._retention = self._database, None, None, None
        if database is not None:
            database.close()

    def _tell(self, reason: str) -> None:
        self._error = reason
        if time.monotonic() - self._reported_at >= _REPORT_S:
            self._reported_at = time.monotonic()
            _log.warning("%s; rows wait on this node until it can be written", reason)

    @property
    def _output_name(self) -> str:
        from streamer.store.place import Place

        return Place.of(self._output.path).name
