"""A vote, or a reading, that takes into account which formats the plates of the expected countries have.

A text that fits none may still be right (vanity plates, plates of elsewhere, series that nobody wrote down): knowing
the country makes the nearest text that does fit likelier, and a text that stays though it fits none less sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamer.passages.vote import AlphabetLike, Ballot, Verdict, VoteRule, vote
from streamer.plates.formats import Formats, Nearest
from streamer.types import Reading

# How much likelier a text is that fits than one that does not. Fitted to crops of plates whose country is known.
_ODDS = 100.0
# Of what a text that fits none may be in truth, at least this share does fit, in another length if in no other way.
_OTHERS = 0.02


def with_country_prior(rule: VoteRule, formats: Formats) -> VoteRule:
    """`rule`, and what the country makes likelier. Where another text wins by that, the verdict tells which it stands
    instead of; what nobody can read stays unreadable."""

    def voted(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> Verdict:
        told = any(ballot.reading.slot_probs is not None for ballot in ballots)
        verdict = rule(ballots, alphabet)
        return _weighed(verdict, formats, alphabet) if told else verdict

    return voted


def read_with_country_prior(reading: Reading, formats: Formats, alphabet: AlphabetLike) -> Reading:
    """One reading with what the country makes likelier, the text alone, not what it was before; as it is where it does
    not tell what else it may be."""
    if reading.slot_probs is None:
        return reading
    verdict = _weighed(vote([Ballot(reading, 0.0)], alphabet), formats, alphabet)
    if verdict.text == reading.text and not verdict.foreign:
        return reading
    return replace(reading, text=verdict.text, confidence=verdict.confidence, char_confidence=verdict.char_confidence)


def _weighed(verdict: Verdict, formats: Formats, alphabet: AlphabetLike) -> Verdict:
    length = len(verdict.text)
    if not length or verdict.slots is None:
        return verdict
    slots = verdict.slots[:length]
    read = [int(k) for k in slots.argmax(1)]
    hidden = "?" in verdict.text
    if formats.fits([None if k == alphabet.unreadable else k for k in read]):
        return verdict
    found = None if hidden else formats.nearest(slots)
    before = float(slots.max(1).prod())
    if found is None or found.likely * _ODDS <= before:
        return _doubted(verdict, found, before)
    weighed = verdict.slots.copy()
    weighed[:length] *= np.where(found.allowed, 1.0, 1 / _ODDS)
    weighed /= weighed.sum(1, keepdims=True)
    sure = list(verdict.char_confidence)
    changed = [k for k in range(length) if found.classes[k] != read[k]]
    for k in changed:  # lifted over what was read there; together they are as likely as the odds make them
        lifted = slots[k, read[k]] * (_ODDS * found.likely / before) ** (1 / len(changed))
        sure[k] = float(lifted / (slots[k].sum() - slots[k, found.classes[k]] + lifted))
    ratio, others = found.likely / before, _others(found, before)
    confidence, first = _posteriors(verdict.confidence, ratio, others)
    return replace(
        verdict,
        text="".join(alphabet.symbols[k] for k in found.classes),
        confidence=confidence,
        char_confidence=tuple(sure),
        settled=_posteriors(verdict.settled, ratio, others)[0],
        instead_of=(verdict.text, first),
        slots=weighed,
    )


def _doubted(verdict: Verdict, found: Nearest | None, before: float) -> Verdict:
    """A text that fits no format and stays: as sure as what is likelier in that country leaves it."""
    ratio, others = (0.0, 0.0) if found is None else (found.likely / before, _others(found, before))
    confidence = _posteriors(verdict.confidence, ratio, max(others, _OTHERS))[1]
    return replace(verdict, confidence=confidence, foreign=True)


def _others(found: Nearest, before: float) -> float:
    """How much of all but the text that was read and the nearest that fits fits too."""
    return min(1.0, max(0.0, found.mass - found.likely) / max(1 - before - found.likely, 1e-9))


def _posteriors(confidence: float, ratio: float, others: float) -> tuple[float, float]:
    """Of a text that fits and is `ratio` times as likely as one of that confidence that does not, and of that one
    (Bayes); `others`: how much of the rest fits too."""
    fitting = min(confidence * ratio, 1 - confidence)
    rest = 1 - confidence - fitting
    everything = confidence + fitting * _ODDS + rest * (1 - others + others * _ODDS)
    return fitting * _ODDS / everything, confidence / everything
