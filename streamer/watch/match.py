"""A passage compared with the plates of a list: exactly, within an edit, as look-alikes, by pattern, by likelihood."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from streamer.config.watch import WatchMode
from streamer.plates.look_alikes import ZERO_FOR_O, folded, with_zero
from streamer.plates.texts import distance
from streamer.types import Passage, WatchMatch
from streamer.watch.background import Background
from streamer.watch.evidence import Evidence, Symbols, evidence_of
from streamer.watch.lists import Entry
from streamer.watch.scores import Scores
from streamer.watch.traffic import MOST_LOST, SURE, Traffic

_EDITS = 1
# An allowed plate is taken to be one of the list's as readily as not, whoever comes; but a reading that says next to
# nothing is of none (nats).
_ALLOWED_LEAST = 3.0


@dataclass(frozen=True)
class Found:
    """An entry that a passage matches, and how; `score` and `threshold` as in WatchMatch."""

    entry: Entry
    how: str
    score: float = 0.0
    threshold: float | None = None
    why: str = ""


def threshold_of(traffic: Traffic, plates: int, max_false_per_week: float, *, allow: bool = False) -> float:
    """The least score of a match by likelihood, of a list with so many plates."""
    if allow:
        return max(math.log(max(plates, 1)), _ALLOWED_LEAST)
    return traffic.threshold(plates, max_false_per_week)


class Matcher:
    """The entries of a list, ready to be compared by `mode` with many passages. `threshold`: of mode likelihood."""

    def __init__(
        self,
        entries: Sequence[Entry],
        mode: WatchMode,
        threshold: float = math.inf,
        background: Background | None = None,
    ) -> None:
        self.entries, self.mode, self.threshold = tuple(entries), mode, threshold
        self._background = background or Background()
        self._plates = [entry for entry in entries if entry.pattern is None]
        self._patterns = [entry for entry in entries if entry.pattern is not None]

    def best(self, passage: Passage) -> Found | None:
        """The entry that the passage matches best, of those that hold for its time and camera."""
        return next((found for found in self._matching(passage) if found.entry.holds(passage)), None)

    def nearest(self, passage: Passage) -> Found | None:
        """The likeliest plate of those that hold, whether it matches or not."""
        every = self._by_likelihood(passage, self._evidence(passage), -math.inf, math.inf)
        return next((one for one in every if one.entry.holds(passage)), None)

    def _matching(self, passage: Passage) -> Iterator[Found]:
        """Those that match, best first; time and camera aside."""
        text = passage.plate
        sure = f"confidence {passage.confidence:.2f}"
        if not text:
            return
        counts = self.mode != "likelihood" or passage.confidence >= SURE
        same = self._by_text if passage.kind.region not in ZERO_FOR_O else self._by_text_with_zero
        for entry in same.get(text, ()) if counts else ():
            score = self._score(passage, entry)
            yield Found(entry, "exact", score, self._shown, f"reads {text}, {sure}")
        for entry in self._patterns:
            if entry.pattern is not None and entry.pattern.fullmatch(text):
                yield Found(entry, "pattern", 0.0, None, f"reads {text}, {sure}, which {entry.plate} fits")
        if self.mode == "edit":
            yield from self._by_edit(text, sure)
        elif self.mode == "look_alike":
            for entry in self._by_folded.get(folded(text), ()):
                yield Found(entry, "look_alike", 0.0, None, f"reads {text}, {sure}, which looks like {entry.text}")
        elif self.mode == "likelihood":
            yield from self._by_likelihood(passage, self._evidence(passage), self.threshold)

    @property
    def _shown(self) -> float | None:
        return self.threshold if self.mode == "likelihood" and math.isfinite(self.threshold) else None

    def _score(self, passage: Passage, entry: Entry) -> float:
        if self.mode != "likelihood":
            return 0.0
        scores, _ = Scores([entry.text], self._symbols).of(self._evidence(passage))
        return float(scores[0])

    def _evidence(self, passage: Passage) -> Evidence:
        return evidence_of(passage, self._symbols, self._background)

    def _by_likelihood(
        self, passage: Passage, evidence: Evidence, least: float, most_lost: float = MOST_LOST
    ) -> Iterator[Found]:
        scores, losses = self._scores.of(evidence)
        for k in (-scores).argsort(kind="stable").tolist():
            score, lost = float(scores[k]), float(losses[k])
            if score < least or not math.isfinite(score):
                return
            if lost <= most_lost:
                entry = self._plates[k]
                yield Found(entry, "likelihood", score, self._shown, self._why(passage, entry, score, lost))

    def _why(self, passage: Passage, entry: Entry, score: float, lost: float) -> str:
        read = f"reads {passage.plate}, confidence {passage.confidence:.2f}"
        needed = "no score is enough" if math.isinf(self.threshold) else f"{self.threshold:.1f} needed"
        than = f"{abs(score):.1f} nats {'likelier' if score >= 0 else 'less likely'} than the traffic's plates"
        lacks = f", and {lost:.1f} less likely than what was read ({MOST_LOST:.1f} at most)"
        return f"{read}; {entry.text} is {than} ({needed}){lacks if lost > MOST_LOST else ''}"

    def _by_edit(self, text: str, sure: str) -> Iterator[Found]:
        if "?" in text:
            near = [entry for entry in self._plates if abs(len(entry.text) - len(text)) <= _EDITS]
        else:
            near = list(dict.fromkeys(e for key in _without_one(text) for e in self._by_shorter.get(key, ())))
        found = [(distance(entry.text, text), k, entry) for k, entry in enumerate(near)]
        for edits, _, entry in sorted(found, key=lambda one: one[:2]):
            if edits <= _EDITS:
                why = f"reads {text}, {sure}, {edits} edit{'s' if edits != 1 else ''} from {entry.text}"
                yield Found(entry, "edit", float(edits), float(_EDITS), why)

    @cached_property
    def _symbols(self) -> Symbols:
        counted = self._background.counts.values()
        seen = {symbol for places in counted for place in places for symbol in place}
        return Symbols({symbol for entry in self._plates for symbol in entry.text} | seen)

    @cached_property
    def _scores(self) -> Scores:
        return Scores([entry.text for entry in self._plates], self._symbols)

    @cached_property
    def _by_text(self) -> dict[str, list[Entry]]:
        return _grouped((entry.text, entry) for entry in self._plates)

    @cached_property
    def _by_text_with_zero(self) -> dict[str, list[Entry]]:
        """For passages whose texts hold 0 for every letter O."""
        return _grouped((with_zero(entry.text), entry) for entry in self._plates)

    @cached_property
    def _by_folded(self) -> dict[str, list[Entry]]:
        return _grouped((folded(entry.text), entry) for entry in self._plates)

    @cached_property
    def _by_shorter(self) -> dict[str, list[Entry]]:
        return _grouped((key, entry) for entry in self._plates for key in _without_one(entry.text))


def as_match(found: Found, name: str) -> WatchMatch:
    """As rows and alerts have it."""
    entry = found.entry
    return WatchMatch(
        list=name,
        kind="watch",
        plate=entry.plate,
        mode=found.how,  # type: ignore[arg-type]
        score=found.score,
        threshold=found.threshold,
        name=entry.name,
        note=entry.note,
        colour=entry.colour,
        why=found.why,
    )


def _grouped(pairs: Iterator[tuple[str, Entry]]) -> dict[str, list[Entry]]:
    out: dict[str, list[Entry]] = defaultdict(list)
    for key, entry in pairs:
        out[key].append(entry)
    return dict(out)


def _without_one(text: str) -> set[str]:
    """The text, and with each of its characters left out: two texts that are one edit apart share one of these."""
    return {text, *(text[:k] + text[k + 1 :] for k in range(len(text)))}
