"""Values that one sink provides and another waits for, each in its own thread."""

from __future__ import annotations

import threading
from collections import OrderedDict

_MOST = 10_000
_SILENCE_S = 4.0


class Answers:
    """Texts by key. `get` waits for a missing one as long as others arrive; after `silence_s` without any it returns at
    once, until one arrives again."""

    def __init__(self, silence_s: float = _SILENCE_S) -> None:
        self._silence_s = silence_s
        self._answers: OrderedDict[str, str] = OrderedDict()
        self._changed = threading.Condition()
        self._count, self._silent = 0, False

    def put(self, key: str, text: str, *, last: bool = False) -> None:
        """Provides the text of a key. `last`: no other may follow."""
        with self._changed:
            self._answers[key] = text
            if len(self._answers) > _MOST:
                self._answers.popitem(last=False)
            self._count, self._silent = self._count + 1, last
            self._changed.notify_all()

    def close(self) -> None:
        """No other comes: nobody waits any more."""
        with self._changed:
            self._count, self._silent = self._count + 1, True
            self._changed.notify_all()

    def get(self, key: str) -> str:
        """The text; empty where none came."""
        with self._changed:
            while key not in self._answers and not self._silent:
                before = self._count
                if not self._changed.wait_for(lambda b=before: self._count != b, self._silence_s):  # type: ignore[misc]
                    self._silent = True
            return self._answers.get(key, "")
