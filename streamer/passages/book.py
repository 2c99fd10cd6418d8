"""Passages of one camera from the end of their tracks until they are final: merged, and flagged where alike."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamer.passages.merge import MOST_PARTS, is_split, merge
from streamer.passages.repeats import REPEAT_S, flag_repeats
from streamer.types import Passage

# A passage that follows a break in tracking within this time (s) may be of the same vehicle.
_SPLIT_S = 1.5
# How long (s) a track without a text yet may delay an ended one that it might continue.
_UNDECIDED_S = 2.0


@dataclass(frozen=True)
class Ongoing:
    """A living track: when it began (s), and its text so far."""

    first_s: float
    text: str


class PassageBook:
    """Keeps the passages of one camera until no other can be merged with them; then they are final.

    A track that is split (a pillar, a missed second) makes two passages with one text; those within `rejoin_s` of each
    other become one row, under the earlier id. Across a discontinuity of the recording only equal texts are merged. A
    passage with nearly the text of a more confident one at the same time is flagged, and its confidence lowered, to
    `min_confidence` at the least.
    """

    def __init__(self, rejoin_s: float, min_confidence: float = 0.0) -> None:
        self._rejoin_s, self._min_confidence = rejoin_s, min_confidence
        self._pending: list[Passage] = []
        self._discontinuities: list[float] = []
        self._recent: list[Passage] = []  # final ones, to compare later ones with
        self.joined = 0  # passages that were merged into another

    def add_discontinuity(self, second: float) -> None:
        """From that second on the recording is another: positions in the picture cannot be compared across it."""
        self._discontinuities.append(second)

    def add(self, passage: Passage) -> None:
        """Adds the passage of an ended track, merged with every waiting one of the same vehicle."""
        for other in [p for p in self._pending if self._same_vehicle(p, passage)]:
            self._pending.remove(other)
            self.joined += 1
            passage = merge(other, passage)
        self._pending.append(passage)

    def release(self, now_s: float, ongoing: Iterable[Ongoing]) -> list[Passage]:
        """The passages that became final by `now_s`, in the order of their ids."""
        living = list(ongoing)
        final = [p for p in self._pending if not self._must_wait(p, now_s, living)]
        if not final:
            return []
        out = self._flagged(final)
        self._pending = [p for p in self._pending if self._must_wait(p, now_s, living)]
        self._recent = [p for p in (*self._recent, *final) if now_s - p.last_s <= self._rejoin_s + 2 * REPEAT_S]
        return out

    @property
    def pending(self) -> tuple[Passage, ...]:
        """The rows that are not final yet, with their current values."""
        return tuple(self._pending)

    def waiting(self, living: Iterable[str]) -> int:
        """How many vehicles have no final row yet: waiting passages, and living tracks (given by their texts so far)
        whose text none of those passages has."""
        texts = {passage.plate for passage in self._pending}
        return len(self._pending) + sum(bool(text) and text not in texts for text in living)

    def finish(self) -> list[Passage]:
        """All waiting passages, at the end of the stream."""
        out, self._pending = self._flagged(self._pending), []
        return out

    def _flagged(self, final: Sequence[Passage]) -> list[Passage]:
        """In the order of their ids, flagged where others of the same time have nearly the same text."""
        others = [*self._pending, *self._recent]
        return [flag_repeats(p, others, self._min_confidence) for p in sorted(final, key=lambda p: p.track_id)]

    def _same_vehicle(self, a: Passage, b: Passage) -> bool:
        if len(a.parts) + len(b.parts) >= MOST_PARTS:  # merging adds one part
            return False
        gap = max(a.first_s, b.first_s) - min(a.last_s, b.last_s)
        if gap > self._rejoin_s:
            return False
        return a.plate == b.plate or (0 < gap <= _SPLIT_S and not self._discontinuous(a, b) and is_split(a, b))

    def _discontinuous(self, a: Passage, b: Passage) -> bool:
        """Whether a discontinuity lies between two passages."""
        breaks = self._discontinuities
        return bisect_right(breaks, min(a.last_s, b.last_s)) < bisect_right(breaks, max(a.first_s, b.first_s))

    def _must_wait(self, passage: Passage, now_s: float, living: Iterable[Ongoing]) -> bool:
        if len(passage.parts) >= MOST_PARTS:
            return False
        if self._rejoin_s > 0 and now_s - passage.last_s <= self._rejoin_s:
            return True
        return any(self._may_continue(track, passage, now_s) for track in living)

    def _may_continue(self, track: Ongoing, passage: Passage, now_s: float) -> bool:
        if track.first_s > passage.last_s + self._rejoin_s:
            return False
        if track.text == passage.plate:  # also one that began earlier: a short track may lie within a long one
            return True
        return not track.text and passage.first_s <= track.first_s and now_s - track.first_s <= _UNDECIDED_S
