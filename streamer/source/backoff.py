"""How long to wait before the next attempt to connect to a camera."""

from __future__ import annotations

import random

from streamer.config.models import LiveConfig

LOCKING = frozenset({"unauthorized", "forbidden"})  # cameras lock the account of a client that keeps trying
_FIRST_WAIT_S = 0.25  # before the second attempt; doubled from then on, up to live.backoff_s
_JITTER = 0.3  # of the wait, so that a site's cameras are not all reconnected at once
_SECOND_TRY_S = 2.0  # a camera that is starting up may refuse a valid password
_MOST_DOUBLINGS = 3
# Factor on live.backoff_s, the longest wait, for faults that a person must fix.
_LONGER = {"not found": 15.0, "bad request": 15.0, "unknown scheme": 150.0, "no device": 5.0, "no permission": 15.0}
_LONGER |= {"unknown host": 5.0, "server error": 2.0}


class Backoff:
    """The waits of one camera."""

    def __init__(self, config: LiveConfig) -> None:
        self._config = config
        self._random = random.Random()

    def seconds(self, failures: int, reason: str, refusals: int, *, sure: bool) -> float:
        """The wait before the next attempt, after this many `failures` in a row, the last one for this `reason`.

        Faults that a person must fix are retried less often. Cameras lock an account after several wrong passwords, so
        that the wait doubles with each of `refusals`; not `sure`: the password may be valid, one more attempt is made
        soon.
        """
        if refusals and sure:
            wait = self._config.refused_s * 2.0 ** min(refusals - 1, _MOST_DOUBLINGS)
            return wait * (1 + self._random.uniform(0, _JITTER))
        if refusals:
            return _SECOND_TRY_S
        longest = self._config.backoff_s * _LONGER.get(reason, 1.0)
        wait = min(_FIRST_WAIT_S * 2.0 ** min(failures - 1, 30), longest)
        return wait * (1 + self._random.uniform(-_JITTER, _JITTER))
