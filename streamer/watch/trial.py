"""Which passages one plate would have matched, mode by mode, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streamer.config.watch import WatchMode
from streamer.types import Passage
from streamer.watch.lists import Entry
from streamer.watch.match import Found, Matcher, threshold_of
from streamer.watch.traffic import Traffic

MODES: tuple[WatchMode, ...] = ("exact", "edit", "look_alike", "likelihood")


@dataclass(frozen=True)
class Trial:
    """A passage beside the plate: what each mode found, and the score by likelihood (None for a pattern)."""

    passage: Passage
    found: dict[WatchMode, Found]
    score: float | None
    why: str


class Trials:
    """One entry, compared in every mode. `plates`: on the list that it would be on; `max_false_per_week`: of that
    list."""

    def __init__(self, entry: Entry, traffic: Traffic, plates: int = 1, max_false_per_week: float = 1.0) -> None:
        self.threshold = threshold_of(traffic, plates, max_false_per_week)
        self._matchers = {mode: Matcher([entry], mode, self.threshold, traffic.background) for mode in MODES}
        self._pattern = entry.pattern is not None

    def of(self, passages: Sequence[Passage]) -> Iterator[Trial]:
        """One for each passage."""
        for passage in passages:
            found = {mode: one for mode, matcher in self._matchers.items() if (one := matcher.best(passage))}
            nearest = None if self._pattern else self._matchers["likelihood"].nearest(passage)
            told = found.get("likelihood") or nearest
            score = None if nearest is None else nearest.score
            yield Trial(passage, found, score, "" if told is None else told.why)
