"""Readings of crops whose country is known."""

from __future__ import annotations

from functools import cache

from streamer.engine.zoo import config_folder, plate_folders
from streamer.passages.country import read_with_country_prior
from streamer.plates.alphabet import Alphabet
from streamer.plates.countries import Folders, known_countries
from streamer.plates.formats import Formats, formats_of
from streamer.types import Reading
from train.data.manifest import Sample

_ALPHABET = config_folder() / "plates" / "alphabet.yaml"


@cache
def _alphabet() -> Alphabet:
    return Alphabet.load(_ALPHABET)


@cache
def _formats(country: str, folders: Folders) -> Formats | None:
    if country not in known_countries(folders):
        return None
    return formats_of((country,), folders, _alphabet().symbols, _alphabet().size)


def in_their_country(reading: Reading, sample: Sample, folders: Folders | None = None) -> Reading:
    """The reading with what is known of the plates of the sample's country, if anything. `folders`: of the layouts;
    None for the program's."""
    known = _formats(sample.country, folders or plate_folders()) if sample.country else None
    return reading if known is None else read_with_country_prior(reading, known, _alphabet())
