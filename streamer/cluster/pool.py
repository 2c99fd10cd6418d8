"""What hands tasks to processes: the same interface on one machine (local.py) and on many (ray_pool.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

# A function of a module, and its argument: both travel to another process.
Work = Callable[[Any], Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a task. `value`: what it gave (done) or the exception that it raised (failed). Lost: its process
    ended before it did, `value` says how; it may be submitted again."""

    number: int
    state: Literal["done", "failed", "lost"]
    value: Any


class Pool(Protocol):
    """Processes that work. `slots`: how many tasks should be submitted at once; more are queued."""

    name: str

    @property
    def slots(self) -> int: ...

    def submit(self, number: int, work: Work, argument: Any) -> None:
        """Hands a task over."""

    def outcomes(self, timeout_s: float) -> list[Outcome]:
        """Those that came within the time; none where no task ended."""

    def close(self) -> None:
        """Ends all processes at once; what they work at is lost."""
