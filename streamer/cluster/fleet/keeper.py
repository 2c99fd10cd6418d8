"""The supervisor's side of the store, in a thread of its own, since the store may be away: leases, the right to
supervise, nodes for `alpr fleet status`, and which of them are to be drained."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from streamer.cluster.fleet.reports import Grant
from streamer.errors import AlprError
from streamer.store.database import Database
from streamer.store.leases import Lease, Leases, Node
from streamer.store.times import now

_log = logging.getLogger(__name__)

_EVERY_S = 1.0
SUPERVISOR_S = 10.0  # how long the right to supervise lasts
_KEEP_S = 30 * 86400.0  # leases of the past
_PRUNE_S = 3600.0


class Keeper:
    """Call `note` after every step. `reachable`: whether the store answered last; `draining`: nodes that are to give up
    their cameras; `superseded`: another supervises."""

    def __init__(self, database: Database, mine: Lease, lease_s: float) -> None:
        self._database, self._leases, self._mine, self._lease_s = database, Leases(database), mine, lease_s
        self.reachable, self.superseded, self.error = True, False, ""
        self.draining: set[str] = {node.name for node in self._leases.nodes() if node.draining}
        self._changed = threading.Condition()
        self._grants: dict[str, Grant] = {}
        self._nodes: Sequence[Node] = ()
        self._forget: list[str] = []
        self._noted = self._done = 0  # numbers of notes
        self._urgent = self._stop = False
        self._pruned_at = float("-inf")
        self._thread = threading.Thread(target=self._work, name="alpr-keeper", daemon=True)
        self._thread.start()

    def note(self, grants: Mapping[str, Grant], nodes: Sequence[Node], *, wait_s: float = 0.5) -> None:
        """Notes grants and nodes as they are now. New grants are written before this returns, unless the store is away
        or slow: then a grant holds all the same, and comes to the store with the first row read under it."""
        with self._changed:
            fresh = any(self._grants.get(name) != one for name, one in grants.items())
            self._grants, self._nodes = dict(grants), list(nodes)
            if not fresh:
                return
            self._noted += 1
            mine, self._urgent = self._noted, True
            self._changed.notify_all()
            if self.reachable:
                self._changed.wait_for(lambda: self._done >= mine or not self.reachable, wait_s)

    def forget(self, nodes: Sequence[str]) -> None:
        """Nodes that exist no more."""
        with self._changed:
            self._forget += nodes

    def close(self) -> None:
        """Ends all leases, so that the next supervisor need not wait."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        self._thread.join(5.0)
        if self.superseded:
            return
        try:
            at = now()
            held = [_lease(one, 0) for one in self._grants.values()]
            self._leases.end([*held, self._mine], at)
        except AlprError as error:
            _log.info("%s; leases end by themselves", error)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._urgent or self._stop, _EVERY_S)
                if self._stop:
                    return
                self._urgent, number = False, self._noted
                grants, nodes, gone, self._forget = dict(self._grants), list(self._nodes), self._forget, []
            try:
                self._write(grants, nodes, gone)
                good = True
            except AlprError as error:
                good = False
                self._tell(str(error))
            with self._changed:
                if good and not self.reachable:
                    _log.info("%s: answers again", self._database.name)
                self.reachable, self._done = good, number if good else self._done
                self._changed.notify_all()
            if not good:
                time.sleep(_EVERY_S)

    def _write(self, grants: Mapping[str, Grant], nodes: Sequence[Node], gone: Sequence[str]) -> None:
        at = now()
        until = at + round(SUPERVISOR_S * 1e6)
        if self._leases.supervise(self._mine.holder, at, until, self._mine.token) is None:
            self.superseded = True
            return
        self._leases.keep([_lease(one, at + round(self._lease_s * 1e6)) for one in grants.values()])
        self._leases.seen(nodes)
        if gone:
            self._leases.forget(gone)
        self.draining = {node.name for node in self._leases.nodes() if node.draining}
        if time.monotonic() - self._pruned_at >= _PRUNE_S:
            self._pruned_at = time.monotonic()
            self._leases.prune(at - round(_KEEP_S * 1e6))

    def _tell(self, reason: str) -> None:
        if self.reachable:
            _log.warning("%s; cameras are read on, and rows wait on the nodes", reason)
        self.error = reason


def _lease(grant: Grant, expires_at: int) -> Lease:
    return Lease(grant.camera, grant.token, grant.holder, grant.at, expires_at)
