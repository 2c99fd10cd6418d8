"""Readings of crops whose country is known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from streamer.passages.country import read_with_country_prior
from streamer.plates.alphabet import Alphabet
from streamer.plates.formats import Formats, formats_of
from streamer.plates.grammar import known_countries
from streamer.types import Reading
from train.data.manifest import Sample

_PLATES = Path(__file__).parents[2] / "configs" / "plates"


@cache
def _alphabet() -> Alphabet:
    return Alphabet.load(_PLATES / "alphabet.yaml")


@cache
def _formats(country: str) -> Formats | None:
    if country not in known_countries(_PLATES):
        return None
    return formats_of((country,), _PLATES, _alphabet().symbols, _alphabet().size)


def in_their_country(reading: Reading, sample: Sample) -> Reading:
    """The reading with what is known of the plates of the sample's country, if anything."""
    known = _formats(sample.country) if sample.country else None
    return reading if known is None else read_with_country_prior(reading, known, _alphabet())
