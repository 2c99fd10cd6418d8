"""Readings of crops whose country is known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamer.tracking.formats as formats
from streamer.alphabet import Alphabet
from streamer.errors import ConfigError
from streamer.types import Reading
from train.data.manifest import Sample

_PLATES = Path(__file__).parents[1] / "configs" / "plates"


@cache
def _alphabet() -> Alphabet:
    return Alphabet.load(_PLATES / "alphabet.yaml")


@cache
def _formats(country: str) -> formats.Formats | None:
    try:
        return formats.formats_of((country,), _PLATES, _alphabet().symbols, _alphabet().size)
    except ConfigError:  # nothing is known of it
        return None


def in_their_country(reading: Reading, sample: Sample) -> Reading:
    """The reading with what is known of the plates of the sample's country, if anything."""
    known = _formats(sample.country) if sample.country else None
    return reading if known is None else formats.read_knowing(reading, known, _alphabet())
