"""The fused distributions of a verdict in a compact form, for outputs that want more than its text."""

from __future__ import annotations

from streamer.passages.vote import AlphabetLike, Verdict
from streamer.types import Posterior

_MOST, _LEAST = 8, 1e-5  # symbols of a place, and their least probability


def posterior(verdict: Verdict, alphabet: AlphabetLike) -> Posterior | None:
    """The places of the verdict's text and the end behind it; None where there are no distributions."""
    if verdict.slots is None or not verdict.text:
        return None
    names = [*alphabet.symbols, "?", ""]
    places = []
    for slot in verdict.slots[: len(verdict.text) + 1]:
        likely = slot.argsort()[::-1][:_MOST]
        places.append(tuple((names[k], float(slot[k])) for k in likely.tolist() if slot[k] >= _LEAST))
    return tuple(places)
