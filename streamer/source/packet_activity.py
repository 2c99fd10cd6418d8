"""How unusual a camera's packets are: in a quiet picture the size of a packet follows from its quantiser, and motion
makes it larger.

A rate control keeps sizes equal by changing the quantiser, so that each is compared with earlier ones of the same
quantiser and place after the key picture. The band is learned per camera while nothing happens, and follows slowly, so
that noise, day and night change it, and a passing vehicle does not.
"""

from __future__ import annotations

import bisect
import math
from collections import deque

from streamer.source.slices import Slice

_WINDOW = 5  # packets whose deviations are summed: one that is large alone is noise
_PLACES = (1, 2, 3, 4, 6, 9, 14, 22, 35, 60)  # last packets after a key picture that share a band; later ones another
_KNOWN = 4  # packets after which a band is used
_NEAR = 6  # steps to another quantiser, or one to another place, whose band is used meanwhile
_STEP, _UNSURE, _UNSURE_PLACE = 0.3, 0.15, 0.1  # log2 of the size from one quantiser to the next; standard deviations
_LEAST, _MOST = 0.06, 0.8  # standard deviation, log2 of the size: what an event leaves behind must not widen a band
_MOST_LOW, _MOST_HIGH = -4.0, 6.0  # one packet's part in the sum
_SLOW, _FAST = 0.02, 0.05  # how fast a band follows, asleep and awake
_HELD = 0.5  # share of the limit above which a packet changes the bands little: something may be coming
_HELD_BACK = 0.1
# The sum that is unusual, in standard deviations: each false alarm raises it, and quiet packets lower it, so that there
# is about one alarm a minute at 25 frames/s.
UNUSUAL, _LOW, _HIGH = 5.0, 4.0, 9.0
_RAISE, _LOWER = 0.3, 0.3 / 1500


class _Band:
    """Mean and variance of log2 of the size."""

    __slots__ = ("count", "mean", "variance")

    def __init__(self) -> None:
        self.count, self.mean, self.variance = 0, 0.0, 0.04

    def add(self, value: float, rate: float) -> None:
        self.count += 1
        if self.count == 1:
            self.mean = value
            return
        share = max(1 / self.count, rate)
        limit = 3 * math.sqrt(self.variance) + 0.1
        off = min(max(value - self.mean, -limit), limit)
        self.mean += share * off
        self.variance += share * (off * off - self.variance)


class PacketActivity:
    """Feed it every packet in order. `limit`: the deviation that counts as unusual."""

    def __init__(self) -> None:
        self.limit = UNUSUAL
        self._bands: dict[tuple[int, int, int], _Band] = {}
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._after_key = 0

    def add(self, size: int, first: Slice | None, *, key: bool, learn: bool, fast: bool = False) -> bool:
        """Whether this packet and those just before are unusually large. `first`: its first slice, where that can be
        read; `learn`: nothing happens, so that they set the band, `fast` where it changes at present."""
        if key:
            self._after_key = 0
            return False
        self._after_key += 1
        kind, step = first or (0, 0)
        place, size_log = bisect.bisect_left(_PLACES, self._after_key), math.log2(max(size, 1))
        self._recent.append(self._deviation(place, kind, step, size_log))
        deviation = sum(self._recent) / math.sqrt(_WINDOW)
        if learn:
            rate = (_FAST if fast else _SLOW) * (1 if deviation < _HELD * self.limit else _HELD_BACK)
            self._bands.setdefault((place, kind, step), _Band()).add(size_log, rate)
            self.limit = max(_LOW, self.limit - _LOWER)
        return deviation >= self.limit

    def _deviation(self, place: int, kind: int, step: int, size_log: float) -> float:
        for off in range(_NEAR + 1):
            for near in (place, place - 1, place + 1):
                for other in (step - off, step + off):
                    band = self._bands.get((near, kind, other))
                    if band is None or band.count < _KNOWN:
                        continue
                    expected = band.mean + (other - step) * _STEP
                    spread = (
                        min(max(math.sqrt(band.variance), _LEAST), _MOST)
                        + _UNSURE * off
                        + _UNSURE_PLACE * (near != place)
                    )
                    return min(max((size_log - expected) / spread, _MOST_LOW), _MOST_HIGH)
        return 0.0

    def confirm(self, something: bool) -> None:
        """Whether there was something when packets were unusual; a false alarm raises the limit."""
        if not something:
            self.limit = min(_HIGH, self.limit + _RAISE)
        self._recent.clear()
