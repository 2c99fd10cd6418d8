"""What an outbox can do, wherever it is kept: in a file of its own, or in the store of the rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from streamer.notify.lease import Lease
from streamer.notify.message import Message, Stored

State = Literal["waiting", "dead"]


@dataclass(frozen=True)
class Counts:
    """Messages that wait, dead letters, messages dropped for want of room (ever), and the time of the oldest waiting
    one."""

    waiting: int = 0
    dead: int = 0
    dropped: int = 0
    oldest: float | None = None


class Queue(Protocol):
    """The messages of one target, for one thread at a time. What `put` was called with is on the disk when it returns.
    Times are Unix times; `now` is this moment by default."""

    def put(self, messages: Sequence[Message], *, finished: Sequence[str] = (), now: float | None = None) -> None:
        """Adds messages; one whose key is there is not added again, a state takes the place of the one before.
        `finished`: events that are unfinished no more (see `keep`)."""

    def keep(self, camera: str, unfinished: Sequence[tuple[str, Message]]) -> None:
        """Stores what would be sent of the camera's events that are not final yet, in place of those before."""

    def left(self, camera: str) -> list[tuple[str, Message]]:
        """What `keep` stored last."""

    def next(self, without: Collection[str] = ()) -> Stored | None:
        """The oldest waiting message of all cameras but those of `without`."""

    def sent(self, number: int) -> None:
        """Removes a message that its target has."""

    def tried(self, number: int, reason: str, *, counts: bool = True) -> None:
        """Notes a try that failed; `counts`: as one of the message's own."""

    def bury(self, number: int, reason: str, now: float | None = None) -> None:
        """Makes a message a dead letter."""

    def bury_older(self, made: float, now: float) -> int:
        """Makes dead letters of messages that have waited since before `made`; states are dropped. How many."""

    def trim(self, most_bytes: float, died: float) -> int:
        """Removes dead letters from before `died`, and the oldest messages, dead ones first, where there are more bytes
        than that. How many of those that waited."""

    def counts(self) -> Counts: ...

    def listed(self, state: State, most: int = -1) -> list[Stored]:
        """The messages in a state, oldest first."""

    def revive(self, keys: Sequence[str] | None = None, now: float | None = None) -> int:
        """Makes dead letters wait again, those with these keys or all; how many."""

    def drop(self, state: State, keys: Sequence[str] | None = None) -> int:
        """Removes messages in a state, those with these keys or all; how many."""

    def close(self) -> None: ...


class Right(Protocol):
    """The right to send a target's messages, which one process has at a time."""

    def taken(self) -> bool: ...

    def give_back(self) -> None: ...


class Box(Protocol):
    """Where a target's messages are kept. `in_store`: with the rows, those that are not final among them."""

    in_store: bool

    def open(self) -> Queue: ...

    def right(self, name: str, identity: str) -> Right:
        """The right to send; `identity`: of the address, two of which must not share a name."""


class FileBox:
    """A file of its own."""

    in_store = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> Queue:
        from streamer.notify.outbox import Outbox

        return Outbox(self.path)

    def right(self, name: str, identity: str) -> Right:
        return Lease(self.path.with_name(self.path.name + ".lock"), name, identity)
