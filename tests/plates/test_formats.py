"""What plates of a country look like, and what knowing it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamkit import SYMBOLS, FakeAlphabet, reading_of

from streamer.engine.zoo import config_folder
from streamer.passages.country import read_with_country_prior, with_country_prior
from streamer.passages.vote import Ballot, alternatives, vote
from streamer.plates.formats import Formats, RegionFormats
from streamer.types import Reading

ALPHABET = FakeAlphabet()
PLATES = config_folder() / "plates"


def of(*countries: str, folder: Path = PLATES) -> Formats:
    return Formats(countries, folder, SYMBOLS, ALPHABET.size)


def classes(text: str) -> list[int]:
    return [SYMBOLS.index(c) for c in text]


def between(first: str, second: str, share: float) -> Reading:
    """A reading of `first` in which the characters of `second` have that share."""
    reading = reading_of(first, 0.99)
    assert reading.slot_probs is not None
    slots = reading.slot_probs.copy()
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        if a != b:
            slots[k] *= 0.01
            slots[k, SYMBOLS.index(a)], slots[k, SYMBOLS.index(b)] = 1 - share, share
    sure = tuple(float(slots[k].max()) for k in range(len(first)))
    return Reading(first, float(np.prod(sure)), sure, slot_probs=slots)


@pytest.mark.parametrize(
    ("country", "text", "fits"),
    [
        ("BR", "OZL2378", True),
        ("BR", "OZL2C78", True),
        ("BR", "0ZL2378", False),
        ("BR", "OZL237", False),  # no format is so short
        ("FR", "AB123CD", True),
        ("FR", "AB123CO", False),  # no I, O, U there
        ("DE", "MAB123", True),
        ("DE", "KUNAB12", True),  # written KÜN
        ("DE", "XXAB12", False),  # no such district
        ("CN", "皖A12345", True),
        ("CN", "京AD12345", True),
        ("CN", "皖012345", False),
        ("US", "ABC1230", True),
        ("US", "ABC123O", False),  # texts of the USA have 0 for every O
        ("TN", "123T4567", True),  # the word between the numbers is the letter T
        ("IN", "KA01AB1234", True),
        ("PL", "KR1A234", True),  # [A-Z] of a pattern is a class, not two letters and a dash
        ("GB", "AB12CDE", True),
    ],
)
def test_formats(country: str, text: str, fits: bool) -> None:
    assert of(country).fits(classes(text)) is fits


def test_formats_of_several_countries_count_together() -> None:
    both = of("BR", "FR")
    assert both.fits(classes("OZL2378"))
    assert both.fits(classes("AB123CD"))
    assert not both.fits(classes("皖A12345"))


@pytest.mark.parametrize(
    ("text", "region", "fits"),
    [
        ("T1XYZ", "europe", True),  # Great Britain
        ("TIXYZ", "europe", False),
        ("AB123CD", "europe", True),  # one of many
        ("AB123CD", "north-america", False),
        ("OZL2378", "latin-america", True),
        ("OZL237O", "latin-america", False),
        ("皖A12345", "china", True),
        ("A" * 12, "europe", False),  # no format is so long
        ("AB?23CD", "europe", None),
        ("Б123", "europe", None),  # no symbol of the alphabet
        ("", "europe", None),
        ("AB123CD", None, None),
        ("AB123CD", "atlantis", None),
    ],
)
def test_formats_of_all_countries_of_a_region(text: str, region: str | None, fits: bool | None) -> None:
    assert RegionFormats(PLATES, SYMBOLS, ALPHABET.size).fits(text, region) is fits


@pytest.mark.parametrize(
    ("reading", "region", "nearest"),
    [
        (between("B0RAB100", "BORAB100", 0.2), "europe", ("BORAB100", 0.25)),
        (between("BORAB100", "B0RAB100", 0.2), "europe", ("BORAB100", 1.0)),
        (between("B0RAB100", "BORAB100", 0.2), "atlantis", None),
        (between("B0RAB100", "BORAB100", 0.2), None, None),
        (reading_of("A" * 11), "europe", None),  # no format is so long
        (reading_of("AB?23CD"), "europe", None),
        (reading_of(""), "europe", None),
        (replace(reading_of("TIXYZ"), slot_probs=None), "europe", None),
    ],
)
def test_the_nearest_text_of_a_region(reading: Reading, region: str | None, nearest: tuple[str, float] | None) -> None:
    found = RegionFormats(PLATES, SYMBOLS, ALPHABET.size).nearest(reading, region)
    assert (found is None) == (nearest is None)
    if found is not None and nearest is not None:
        assert found == (nearest[0], pytest.approx(nearest[1], rel=1e-3))


def test_every_country_gives_formats() -> None:
    for path in sorted(PLATES.glob("??.yaml")):
        if path.stem not in ("br", "cn", "tn", "us"):
            assert of(path.stem.upper())._lengths


@pytest.mark.parametrize(
    ("read", "likely", "share", "text"),
    [
        ("0ZL2378", "OZL2378", 0.2, "OZL2378"),  # a letter must stand there
        ("0ZL2378", "OZL2378", 0.005, "0ZL2378"),  # but not against all evidence
        ("OZL2378", "0ZL2378", 0.4, "OZL2378"),  # what fits stays, however unsure
        ("OZLZ37B", "OZL2378", 0.3, "OZL2378"),  # two at once
        ("OZL23?8", "OZL2378", 0.4, "OZL23?8"),  # what nobody can read is not made up
        ("AB", "A8", 0.4, "AB"),  # of no known length
    ],
)
def test_what_the_country_changes(read: str, likely: str, share: float, text: str) -> None:
    given = reading_of(read) if "?" in read else between(read, likely, share)
    assert read_with_country_prior(given, of("BR"), ALPHABET).text == text


@pytest.mark.parametrize("first", ["0ZL2378", "0ZLZ378", "OZLZ37B"])  # one, two and two other characters apart
def test_the_first_text_is_still_told(first: str) -> None:
    ballots = [Ballot(between(first, "OZL2378", 0.3), 30.0)] * 2
    before = vote(ballots, ALPHABET)
    verdict = with_country_prior(vote, of("BR"))(ballots, ALPHABET)
    assert (before.text, verdict.text) == (first, "OZL2378")
    others = alternatives(verdict, ALPHABET)
    assert first in dict(others)
    assert [p for _, p in others] == sorted((p for _, p in others), reverse=True)
    assert len(others) == len(dict(others)) <= 3
    assert sum(p for _, p in others) + verdict.confidence < 1.0001
    assert 0.5 < verdict.confidence <= 1
    assert len(verdict.char_confidence) == len(verdict.text)


def test_the_slots_say_what_the_text_says() -> None:
    reading = between("0ZLZ378", "OZL2378", 0.45)
    assert reading.slot_probs is not None
    reading.slot_probs[3, SYMBOLS.index("2")] = 0.03
    reading.slot_probs[3, SYMBOLS.index("Z")] = 0.97
    verdict = with_country_prior(vote, of("BR"))([Ballot(reading, 30.0)], ALPHABET)
    assert verdict.text == "OZL2378"
    assert verdict.slots is not None
    assert "".join(SYMBOLS[k] for k in verdict.slots[:7].argmax(1)) == verdict.text
    assert verdict.text not in dict(alternatives(verdict, ALPHABET))


def test_a_reading_that_tells_no_alternatives_stays() -> None:
    bare = Reading("0ZL2378", 0.45, (0.45, *[0.99] * 6))
    assert read_with_country_prior(bare, of("BR"), ALPHABET) is bare
    assert with_country_prior(vote, of("BR"))([Ballot(bare, 30.0)], ALPHABET).text == bare.text


def test_a_doubtful_text_does_not_become_a_sure_one() -> None:
    unsure = between("0ZL2378", "OZL2378", 0.45)
    assert unsure.slot_probs is not None
    for k in range(1, 7):
        unsure.slot_probs[k] = 1 / ALPHABET.size
        unsure.slot_probs[k, SYMBOLS.index("0ZL2378"[k])] = 0.1
    given = Reading("0ZL2378", 1e-6, (0.1,) * 7, slot_probs=unsure.slot_probs)
    out = read_with_country_prior(given, of("BR"), ALPHABET)
    assert out.text == "OZL2378"
    assert out.confidence < 0.001


@given(st.text(alphabet="0O1IB8ZA2", min_size=0, max_size=10), st.floats(0.3, 0.99))
def test_what_comes_out_fits_or_is_as_it_was(text: str, sure: float) -> None:
    formats, reading = of("BR"), reading_of(text, sure)
    out = read_with_country_prior(reading, formats, ALPHABET)
    assert len(out.text) == len(reading.text)
    assert out is reading or formats.fits(classes(out.text)) or out.text == reading.text
    assert 0 <= out.confidence <= 1
    if text and not formats.fits(classes(text)) and out.text == text:
        assert out.confidence < reading.confidence


@pytest.mark.parametrize("text", ["0ZL2378", "AB", "0ZL23?8"])  # of no format, of no length, with a hole
def test_a_text_of_no_format_is_less_sure_and_says_so(text: str) -> None:
    doubtful, sure = ([Ballot(reading_of(text, one), 30.0)] for one in (0.97, 0.9995))
    for ballots in (doubtful, sure):
        before, after = vote(ballots, ALPHABET), with_country_prior(vote, of("BR"))(ballots, ALPHABET)
        assert after.text == before.text
        assert after.foreign
        assert after.confidence < before.confidence
    assert after.confidence > 0.95  # foreign vehicles do come
    assert with_country_prior(vote, of("BR"))(doubtful, ALPHABET).confidence < 0.8
    assert not with_country_prior(vote, of("BR"))([Ballot(reading_of("OZL23?8"), 30.0)], ALPHABET).foreign  # may be one


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "moon.yaml").write_text(
        "schema: 1\nlists: {base: [TQ, MARE]}\nlayouts: [{name: m, country: MO, colour: white, "
        'rows: 2, row_order: [1, 0], patterns: ["999 / {base}-[A-C2]"]}]\n'
    )
    formats = of("MO", folder=tmp_path)
    for text, fits in [("TQA123", True), ("MARE2999", True), ("TQD123", False), ("123TQA", False)]:
        assert formats.fits(classes(text)) is fits
