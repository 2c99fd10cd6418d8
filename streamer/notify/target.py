"""What sends messages, and what it says of one that could not be sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from streamer.notify.message import Message


class Unavailable(Exception):
    """The target cannot be reached or takes nothing now: all messages wait. `after_s`: as long as it asked for."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Refused(Exception):
    """The target does not take this message. `final`: trying again cannot help."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Target(Protocol):
    """One target; all calls come from one thread."""

    def send(self, message: Message) -> None:
        """Returns once the target has taken the message; Unavailable or Refused otherwise."""

    def idle(self) -> None:
        """Called about once a second while nothing is to be sent."""

    def close(self) -> None:
        """Ends connections. `send` may be called again after it."""


def told(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """An error in one line without secrets."""
    text = " ".join(f"{error}".split()) or type(error).__name__
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
