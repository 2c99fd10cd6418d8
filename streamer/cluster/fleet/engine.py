"""What starts the processes of a fleet: on this machine (local.py), or on the nodes of a Ray cluster (ray_fleet.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Place:
    """A shard's name, the node that it is on, and its cores."""

    shard: str
    node: str
    cores: float


@dataclass(frozen=True)
class Start:
    """How every shard starts. `settings`: the configuration without cameras; `environment`: variables that it needs."""

    settings: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    shard_cores: float | None = None
    nodes: int = 1
    log_level: str = "INFO"


class Engine(Protocol):
    """Keeps a shard running on every node. No method waits for a shard."""

    def places(self) -> list[Place]:
        """The shards that there are or are being started."""

    def tell(self, shard: str, order: dict[str, Any]) -> None:
        """Sends an order, unless the shard has not answered the one before."""

    def answers(self) -> list[tuple[str, dict[str, Any]]]:
        """Reports since the last call."""

    def ended(self) -> list[tuple[str, str]]:
        """Shards whose process has ended since the last call, for certain, and why."""

    def resize(self, nodes: int) -> None:
        """How many nodes there are to be, where that can be chosen."""

    def close(self) -> None:
        """Ends all shards; what they have read is kept."""
