"""The state of each camera: of a run in this process, or as a store knows it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select

from streamer.store.database import Database
from streamer.store.running import is_written
from streamer.store.schema import cameras, health, passages

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.pipeline.status import Streams, Watched
    from streamer.types import RunSummary

State = Literal["online", "asleep", "stalled", "offline", "starting", "file", "ended", "stopped", "unknown"]
_STALLED_S = 3.0  # without a frame


@dataclass(frozen=True)
class CameraState:
    """`state`: online, asleep (only key frames are decoded), stalled (connected, no frame comes), offline (is being
    reconnected), starting, a file that is read, ended, stopped (no run), or unknown (of a store, without
    news of its connection). `age_s`: since the last frame; `delay_s`: the frames' usual age when they are done;
    `rate`: arrived frames per second since the start. `since`: of a store, when it was connected or lost, or seen last;
    `reason`: why it was lost."""

    name: str
    state: State
    age_s: float | None = None
    delay_s: float | None = None
    arrived: int = 0
    frames: int = 0
    passages: int = 0
    waiting: int = 0
    dropped: int = 0
    reconnects: int = 0
    faults: str = ""
    source: str = ""
    since: int | None = None
    paused: bool = False

    @property
    def live(self) -> bool:
        """Whether it is a camera of this process."""
        return self.state not in ("unknown", "stopped", "ended", "file")


def states_of_run(streams: Streams, config: RunConfig | None) -> list[CameraState]:
    """The cameras and files of a run, those that are not opened yet among them."""
    watched = {one.name: one for one in streams.watched}
    names = list(dict.fromkeys([*(config.cameras if config is not None else ()), *watched]))
    now = time.monotonic()
    return [_state(watched[name], streams, now) if name in watched else CameraState(name, "starting") for name in names]


def _state(one: Watched, streams: Streams, now: float) -> CameraState:
    summary, health_of = one.summary, one.health
    if health_of is None:
        state: State = "ended" if one.pulse.ended else "file"
        return _counted(CameraState(one.name, state), summary)
    age = None if health_of.last is None else now - health_of.last
    state = "online"
    if one.pulse.ended:
        state = "ended"
    elif health_of.away:
        state = "offline"
    elif age is None:
        state = "starting"
    elif age > _STALLED_S:
        state = "stalled"
    elif health_of.asleep:
        state = "asleep"
    recent = sorted(health_of.recent.copy())
    found = CameraState(
        one.name,
        state,
        age_s=age,
        delay_s=recent[len(recent) // 2] if recent else None,
        arrived=health_of.arrived,
        dropped=health_of.dropped,
        reconnects=health_of.reconnects,
        faults=health_of.fault_counts,
        paused=streams.overload is not None and bool(streams.overload.relief(one.name).paused),
    )
    return _counted(found, summary)


def _counted(state: CameraState, summary: RunSummary) -> CameraState:
    return replace(state, frames=summary.frames, passages=summary.passages, waiting=summary.waiting)


def states_of_store(database: Database) -> list[CameraState]:
    """The cameras of a store, with the last that was heard of their connections."""
    last = select(func.max(health.c.id)).group_by(health.c.camera_id)
    newest = select(passages.c.at).where(passages.c.camera_id == cameras.c.id).order_by(passages.c.at.desc()).limit(1)
    with database.read() as connection:
        known = connection.execute(
            select(cameras.c.id, cameras.c.name, cameras.c.source, newest.scalar_subquery().label("newest")).order_by(
                cameras.c.name
            )
        ).all()
        heard = {row.camera_id: row for row in connection.execute(select(health).where(health.c.id.in_(last)))}
    out, written = [], is_written(database)
    for one in known:
        row = heard.get(one.id)
        if not written:
            seen = max((at for at in (one.newest, None if row is None else row.at) if at is not None), default=None)
            out.append(CameraState(one.name, "stopped", source=one.source, since=seen))
            continue
        state: State = "unknown" if row is None else "online" if row.up else "offline"
        since = one.newest if row is None else row.at
        faults = "" if row is None or row.up else row.reason
        out.append(CameraState(one.name, state, source=one.source, since=since, faults=faults))
    return out
