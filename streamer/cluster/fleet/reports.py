"""What the supervisor tells a shard, and what the shard answers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

# "paused": its node leaves it out while its cores do not suffice.
State = Literal["starting", "reading", "paused", "away", "closing", "failed"]


@dataclass(frozen=True)
class Grant:
    """The right to read a camera: its fencing `token` is higher than that of every holder before. `at`: microseconds
    since 1970 by the supervisor's clock; `holder`: the process that has it."""

    camera: str
    token: int
    holder: str
    at: int


@dataclass(frozen=True)
class Order:
    """What a shard is to read, all of it: the grant of each camera, with its settings. `number`: higher than of every
    order before; `at`: the supervisor's time, in microseconds; `environment`: variables that addresses need."""

    number: int
    at: int
    grants: dict[str, Grant]
    settings: dict[str, Any] = field(default_factory=dict)  # by camera: a configuration with this one camera
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CameraReport:
    """A camera that a shard has open. Counts are since it was opened; `cores`: of CPU since the last report (None
    where that was not measured), `age_s`: median age of its last frames, `silent_s`: since its last frame (None before
    the first)."""

    token: int
    state: State = "reading"
    cores: float | None = None
    age_s: float = 0.0
    frames: int = 0
    dropped: int = 0
    rows: int = 0
    silent_s: float | None = None
    reconnects: int = 0
    error: str = ""


@dataclass(frozen=True)
class OutboxReport:
    """Rows of a shard that the store does not have yet. `oldest_s`: how long the oldest has waited; `refused`: read
    after another was granted the camera; `dead`: what the store does not take for another reason."""

    waiting: int = 0
    oldest_s: float = 0.0
    refused: int = 0
    sent: int = 0
    error: str = ""
    dead: int = 0


@dataclass(frozen=True)
class ShardReport:
    """`process`: new with every start of the shard; `order`: number of the last order that it has followed; `version`
    and `models`: of the program and networks it has; `error`: why it cannot read anything; `overload`: step of its
    ladder in force."""

    process: str
    order: int = 0
    cameras: dict[str, CameraReport] = field(default_factory=dict)
    outbox: OutboxReport = field(default_factory=OutboxReport)
    cores: float = 0.0  # of CPU, of the whole process
    version: str = ""
    models: str = ""
    error: str = ""
    overload: int = 0


def order_of(values: dict[str, Any]) -> Order:
    """The order whose `asdict` went over the wire."""
    grants = {name: Grant(**one) for name, one in values["grants"].items()}
    return Order(values["number"], values["at"], grants, values["settings"], values["environment"])


def report_of(values: dict[str, Any]) -> ShardReport:
    """The report whose `asdict` went over the wire; keys that a newer version has beside are left out."""
    cameras = {name: CameraReport(**_known(CameraReport, one)) for name, one in values.get("cameras", {}).items()}
    outbox = OutboxReport(**_known(OutboxReport, values.get("outbox", {})))
    return ShardReport(**{**_known(ShardReport, values), "cameras": cameras, "outbox": outbox})


def _known(kind: Any, values: dict[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {key: value for key, value in values.items() if key in names}
