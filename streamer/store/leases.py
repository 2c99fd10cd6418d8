"""Who may read a camera of a fleet, with a fencing token that rises with every new holder; who may supervise it; and
what its supervisor saw of its nodes.

Times are microseconds by the supervisor's clock. A lease that nobody else has taken stays its holder's, though it has
expired: expiry only says when another may have the camera without asking.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, func, select, update

from streamer.store.database import ConflictError, Database
from streamer.store.schema import leases, nodes
from streamer.store.write import insert

SUPERVISOR = ""
Fence = Literal["current", "earlier", "refused"]


@dataclass(frozen=True)
class Lease:
    """The right to read a camera from `granted_at` on, until it expires or another is granted."""

    camera: str
    token: int
    holder: str
    granted_at: int
    expires_at: int = 0


@dataclass(frozen=True)
class Node:
    """A node as the supervisor saw it at `seen_at`."""

    name: str
    seen_at: int
    draining: bool
    details: dict[str, Any]


class Leases:
    """The leases in a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> dict[str, Lease]:
        """The newest lease of every camera that was not given up."""
        newest = select(leases.c.camera, func.max(leases.c.token).label("token")).group_by(leases.c.camera).subquery()
        wanted = select(leases).join(newest, (leases.c.camera == newest.c.camera) & (leases.c.token == newest.c.token))
        with self._database.read() as connection:
            rows = connection.execute(wanted.where(leases.c.camera != SUPERVISOR)).all()
        return {
            row.camera: Lease(row.camera, row.token, row.holder, row.granted_at, row.ended_at or row.expires_at)
            for row in rows
        }

    def keep(self, held: Sequence[Lease]) -> list[Lease]:
        """Adds leases or moves their expiry; gives those that are not the newest of their camera any more."""
        try:
            return self._keep(held)
        except ConflictError:  # another process's transaction was in the way
            return self._keep(held)

    def _keep(self, held: Sequence[Lease]) -> list[Lease]:
        lost = []
        with self._database.write() as connection:
            for one in sorted(held, key=lambda lease: lease.camera):
                if register(connection, one) == "current":
                    same = (leases.c.camera == one.camera) & (leases.c.token == one.token)
                    values = {"expires_at": one.expires_at, "ended_at": None}
                    connection.execute(update(leases).where(same).values(values))
                else:
                    lost.append(one)
        return lost

    def end(self, given_up: Sequence[Lease], at: int) -> None:
        """Notes leases that were given up."""
        with self._database.write() as connection:
            for one in given_up:
                same = (leases.c.camera == one.camera) & (leases.c.token == one.token)
                connection.execute(update(leases).where(same, leases.c.ended_at.is_(None)).values(ended_at=at))

    def superseded(self, tokens: Mapping[str, int]) -> set[str]:
        """Of cameras with their tokens those that another has been granted since."""
        wanted = select(leases.c.camera, func.max(leases.c.token)).where(leases.c.camera.in_(list(tokens)))
        with self._database.read() as connection:
            rows = connection.execute(wanted.group_by(leases.c.camera)).all()
        return {camera for camera, token in rows if token > tokens[camera]}

    def supervise(self, holder: str, at: int, expires_at: int, token: int = 0) -> Lease | None:
        """The right to supervise; None while another has it. `token`: of the right that is kept."""
        with self._database.write() as connection:
            newest = _newest(connection, SUPERVISOR)
            if newest is not None and newest.token != token:
                if newest.ended_at is None and newest.expires_at > at:
                    return None
            elif newest is not None:
                same = (leases.c.camera == SUPERVISOR) & (leases.c.token == token)
                connection.execute(update(leases).where(same).values(expires_at=expires_at))
                return Lease(SUPERVISOR, token, newest.holder, newest.granted_at, expires_at)
            mine = Lease(SUPERVISOR, 1 if newest is None else newest.token + 1, holder, at, expires_at)
            connection.execute(insert(connection, leases).values(_values(mine)))
            return mine

    def supervisor(self) -> Lease | None:
        """Who supervises, or did last."""
        with self._database.read() as connection:
            row = _newest(connection, SUPERVISOR)
        if row is None:
            return None
        return Lease(SUPERVISOR, row.token, row.holder, row.granted_at, row.ended_at or row.expires_at)

    def prune(self, before: int) -> int:
        """Deletes leases that ended before a time, all but the newest of each camera: what their holders read until
        then is in the store, or never will be."""
        newer = leases.alias("newer")
        newest = select(func.max(newer.c.token)).where(newer.c.camera == leases.c.camera).scalar_subquery()
        with self._database.write() as connection:
            old = leases.delete().where(leases.c.expires_at < before, leases.c.token < newest)
            return int(connection.execute(old).rowcount)

    # Nodes

    def nodes(self) -> list[Node]:
        """All nodes that were seen."""
        with self._database.read() as connection:
            rows = connection.execute(select(nodes).order_by(nodes.c.name)).all()
        return [Node(row.name, row.seen_at, bool(row.draining), json.loads(row.details)) for row in rows]

    def seen(self, found: Iterable[Node]) -> None:
        """Notes nodes as they are now; whether they are draining stays."""
        with self._database.write() as connection:
            for one in found:
                values = {"seen_at": one.seen_at, "details": json.dumps(one.details, ensure_ascii=False)}
                statement = insert(connection, nodes).values(name=one.name, **values)
                connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))

    def forget(self, names: Sequence[str]) -> None:
        """Deletes nodes that exist no more."""
        with self._database.write() as connection:
            connection.execute(nodes.delete().where(nodes.c.name.in_(list(names))))

    def drain(self, name: str, wanted: bool = True) -> bool:
        """Whether a node is to give up its cameras; False where there is no such node."""
        with self._database.write() as connection:
            return bool(connection.execute(update(nodes).where(nodes.c.name == name).values(draining=wanted)).rowcount)


def register(connection: Connection, lease: Lease) -> Fence:
    """Adds a lease that the store does not have yet (it was granted while the database was away); what its holder may
    write now: all ("current"), what it read before the next one was granted ("earlier"), nothing."""
    newest = _newest(connection, lease.camera)
    if newest is None or newest.token < lease.token:
        connection.execute(insert(connection, leases).values(_values(lease)).on_conflict_do_nothing())
        newest = _newest(connection, lease.camera)
        assert newest is not None
    if newest.token == lease.token:
        return "current" if newest.holder == lease.holder else "refused"
    return "earlier"


def fence(connection: Connection, lease: Lease, at: int) -> Fence:
    """What becomes of a row that a holder read until `at`: it is the present holder's, of an earlier one from before
    the next one's time, or refused."""
    found = register(connection, lease)
    if found != "earlier":
        return found
    later = select(leases.c.token, leases.c.holder, leases.c.granted_at).where(
        leases.c.camera == lease.camera, leases.c.token >= lease.token
    )
    for row in connection.execute(later.order_by(leases.c.token)):
        if row.token > lease.token:
            return "earlier" if at <= row.granted_at else "refused"
        if row.holder != lease.holder:
            return "refused"
    return "refused"


def _newest(connection: Connection, camera: str) -> Any:
    """The newest lease of a camera, locked until the transaction ends: no other is granted meanwhile."""
    wanted = select(leases).where(leases.c.camera == camera).order_by(leases.c.token.desc()).limit(1)
    return connection.execute(wanted.with_for_update()).one_or_none()


def _values(lease: Lease) -> dict[str, Any]:
    return {
        "camera": lease.camera, "token": lease.token, "holder": lease.holder, "granted_at": lease.granted_at,
        "expires_at": lease.expires_at,
    }  # fmt: skip
