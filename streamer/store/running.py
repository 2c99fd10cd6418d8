"""Whether a run writes to the store just now."""

from __future__ import annotations

import os
import platform
import sys

from sqlalchemy import select

from streamer.store.database import Database
from streamer.store.schema import leases, runs
from streamer.store.times import now

_NEWEST = 50


def is_written(database: Database) -> bool:
    """Whether a run that began has not ended, nor, on this machine, was killed; or a fleet holds a camera."""
    held = select(leases.c.camera).where(leases.c.ended_at.is_(None), leases.c.expires_at > now()).limit(1)
    begun = select(runs.c.host, runs.c.pid).where(runs.c.ended_at.is_(None)).order_by(runs.c.id.desc()).limit(_NEWEST)
    with database.read() as connection:
        if connection.execute(held).first() is not None:
            return True
        open_runs = connection.execute(begun).all()
    return any(one.host != platform.node() or _lives(one.pid) for one in open_runs)


def _lives(pid: int) -> bool:
    if sys.platform == "win32":  # a signal of 0 would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
