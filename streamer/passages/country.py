"""A vote, or a reading, that takes into account which formats the plates of the expected countries have.

A text that fits none may still be right (vanity plates, foreign plates, undocumented series): knowing the country makes
the nearest text that does fit likelier, and a text that is kept though it fits none less confident.
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
# Least share of the other possible texts that is assumed to fit a format (of another length, say).
_OTHERS = 0.02


def with_country_prior(rule: VoteRule, formats: Formats) -> VoteRule:
    """`rule`, weighed by the country's formats. Where another text wins by that, the verdict's `instead_of` holds the
    one it replaces; unreadable characters stay unreadable."""

    def voted(ballots: Sequence[Ballot], alphabet: AlphabetLike) -> Verdict:
        has_slots = any(ballot.reading.slot_probs is not None for ballot in ballots)
        verdict = rule(ballots, alphabet)
        return _weighed(verdict, formats, alphabet) if has_slots else verdict

    return voted


def read_with_country_prior(reading: Reading, formats: Formats, alphabet: AlphabetLike) -> Reading:
    """One reading weighed by the country's formats (text and confidences); unchanged where it has no slot
    distributions."""
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
        return _foreign(verdict, found, before)
    weighed = verdict.slots.copy()
    weighed[:length] *= np.where(found.allowed, 1.0, 1 / _ODDS)
    weighed /= weighed.sum(1, keepdims=True)
    sure = list(verdict.char_confidence)
    changed = [k for k in range(length) if found.classes[k] != read[k]]
    for k in changed:  # their odds over what was read, shared among the changed slots
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


def _foreign(verdict: Verdict, found: Nearest | None, before: float) -> Verdict:
    """A text that is kept though it fits no format: its confidence after what is likelier in that country."""
    ratio, others = (0.0, 0.0) if found is None else (found.likely / before, _others(found, before))
    confidence = _posteriors(verdict.confidence, ratio, max(others, _OTHERS))[1]
    return replace(verdict, confidence=confidence, foreign=True)


def _others(found: Nearest, before: float) -> float:
    """The share that fits a format among all texts but the one read and the nearest fitting one."""
    return min(1.0, max(0.0, found.mass - found.likely) / max(1 - before - found.likely, 1e-9))


def _posteriors(confidence: float, ratio: float, others: float) -> tuple[float, float]:
    """Posteriors (Bayes) of a fitting text that is `ratio` times as likely as a text of that confidence that does not
    fit, and of the latter; `others`: the share of the rest that fits."""
    fitting = min(confidence * ratio, 1 - confidence)
    rest = 1 - confidence - fitting
    everything = confidence + fitting * _ODDS + rest * (1 - others + others * _ODDS)
    return fitting * _ODDS / everything, confidence / everything
