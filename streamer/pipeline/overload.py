"""What a run leaves out while the cores do not suffice for its cameras, in which order, and when no more.

Delay is bounded without this (a camera's queue holds three frames, and the newest wins), but which frames are dropped
is then left to chance. The ladder, one step after another:

1. cadence: the detector runs on fewer frames of all cameras, as with `cadence: auto`;
2. input: it sees their pictures smaller (input_size.py);
3. second looks: only plates that are about to be read are looked at again;
4. cameras: those of the lowest priority are not looked at, one more with each further step; one always remains.

Pure: fed with counts, told the time; no clock, thread or log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

WINDOW_S = 1.0  # between two judgements
_DROPPED = 0.02  # share of all cameras' frames from which a window is overloaded
_AGE_S = 0.4  # median age of frames when they are done, of the camera with the oldest, from which it is
_UP_WINDOWS = 3  # overloaded ones in a row before a step: a burst after a fault of the network makes one
_DOWN_S = 15.0  # without an overloaded window before a step back, at first
_LONGEST_DOWN_S = 240.0
_RELAPSE_S = 20.0  # an overload so soon after a step back doubles that time
CADENCE, INPUT, LOOKS = 1, 2, 3
_STEPS = "nothing is left out", "fewer frames are looked at", "a smaller input of the detector", "fewer second looks"


@dataclass(frozen=True)
class Relief:
    """What is left out for one camera: every frame (`cadence`), pixels of the detector's input (`smaller`), second
    looks, all (`paused`)."""

    cadence: bool = False
    smaller: bool = False
    looks: bool = False
    paused: bool = False

    def __str__(self) -> str:
        if self.paused:
            return "paused"
        if self.looks:
            return "fewer second looks"
        return "a smaller input" if self.smaller else "fewer frames looked at" if self.cadence else ""


NO_RELIEF = Relief()


@dataclass(frozen=True)
class Load:
    """A camera's counts since its start: frames processed and dropped; the median age (s) of its last frames."""

    taken: int
    dropped: int
    age_s: float = 0.0


@dataclass(frozen=True)
class Change:
    """A step up or down, and why."""

    before: int
    step: int
    reason: str


class Overload:
    """The ladder of one run. `priorities`: of its cameras by name; of two with the same the later one goes first."""

    def __init__(self, priorities: Mapping[str, int]) -> None:
        self._first_out: list[str] = []
        self.step = 0
        self.cameras(priorities)
        self._judged_s: float | None = None
        self._before: dict[str, Load] = {}
        self._overloaded = 0  # windows in a row
        self._calm_since_s = 0.0
        self._back_s = float("-inf")  # when it last stepped back
        self._down_s = _DOWN_S

    def cameras(self, priorities: Mapping[str, int]) -> None:
        """The cameras are these from now on."""
        names = list(priorities)
        self._first_out = sorted(names, key=lambda n: (priorities[n], -names.index(n)))[:-1]
        self.step = min(self.step, LOOKS + len(self._first_out))

    @property
    def paused(self) -> list[str]:
        """The cameras that are not looked at."""
        return self._first_out[: max(0, self.step - LOOKS)]

    def relief(self, camera: str) -> Relief:
        """What is left out for this camera now."""
        if not self.step:
            return NO_RELIEF
        return Relief(self.step >= CADENCE, self.step >= INPUT, self.step >= LOOKS, camera in self.paused)

    def due(self, now_s: float) -> bool:
        """Whether a window is over."""
        return self._judged_s is None or now_s - self._judged_s >= WINDOW_S

    def judge(self, now_s: float, loads: Mapping[str, Load]) -> Change | None:
        """Judges the window since the last call, from one thread, where it is `due`; gives a change of the step."""
        first, self._judged_s = self._judged_s is None, now_s
        before, self._before = self._before, dict(loads)
        if first:
            self._calm_since_s = now_s
            return None
        reason = self._overload(before, loads)
        if not reason:
            self._overloaded = 0
            return self._step_back(now_s)
        self._calm_since_s = now_s
        self._overloaded += 1
        if self._overloaded < _UP_WINDOWS or self.step >= LOOKS + len(self._first_out):
            return None
        self._overloaded = 0  # the next step is judged by windows that have this one
        if now_s - self._back_s < _RELAPSE_S:
            self._down_s = min(2 * self._down_s, _LONGEST_DOWN_S)
        self._back_s = float("-inf")
        self.step += 1
        return Change(self.step - 1, self.step, reason)

    def _step_back(self, now_s: float) -> Change | None:
        if self.step and now_s - self._calm_since_s >= self._down_s:
            self._calm_since_s = self._back_s = now_s
            self.step -= 1
            return Change(self.step + 1, self.step, f"no overload for {self._down_s:.0f} s")
        if not self.step and now_s - self._calm_since_s >= 2 * _LONGEST_DOWN_S:
            self._down_s = _DOWN_S
        return None

    def _overload(self, before: Mapping[str, Load], loads: Mapping[str, Load]) -> str:
        """Why the last window was overloaded; empty where it was not. Paused cameras do not count."""
        ages, taken, dropped = [0.0], 0, 0
        for name, load in loads.items():
            if name in self.paused:
                continue
            earlier = before.get(name, load)
            if load.taken > earlier.taken:
                ages.append(load.age_s)
            taken += max(0, load.taken - earlier.taken)
            dropped += max(0, load.dropped - earlier.dropped)
        share = dropped / max(taken + dropped, 1)
        if share > _DROPPED:
            return f"{share:.0%} of the frames dropped"
        if max(ages) > _AGE_S:
            return f"frames {max(ages):.1f} s old"
        return ""


def age_of(delays: list[float]) -> float:
    """The median of a camera's last ages."""
    return median(delays) if delays else 0.0


def described(step: int, paused: list[str]) -> str:
    """The step in words."""
    if step > LOOKS:
        return f"step {step}: {', '.join(paused)} paused"
    return f"step {step}: " + _STEPS[step]
