"""Columns beside queries: CTC's paths and likelihoods, and which of two texts is taken."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from streamer.engine.columns import best_path, likelihood, places_likelihood, spelled
from streamer.engine.decoders import DECODERS, REGIONS, Certainty, Classes, reading_of
from streamer.engine.zoo import config_folder
from streamer.plates.alphabet import Alphabet

BLANK, END = 4, 3  # classes 0-2 are characters
ALPHABET = Alphabet.load(config_folder() / "plates" / "alphabet.yaml")


def columns_of(path: str, sure: float = 0.9) -> np.ndarray:
    """Distributions (T, 5) whose best path is `path`: a digit a column, `-` for a blank."""
    found = np.full((len(path), BLANK + 1), (1 - sure) / BLANK, np.float32)
    for t, k in enumerate(path):
        found[t, BLANK if k == "-" else int(k)] = sure
    return found


@pytest.mark.parametrize(
    ("path", "classes", "where"),
    [
        ("----", [], []),
        ("0", [0], [0]),
        ("-00-1-", [0, 1], [1, 4]),
        ("0-0", [0, 0], [0, 2]),  # equal neighbours with a blank between them are two
        ("00", [0], [0]),
        ("012", [0, 1, 2], [0, 1, 2]),
        ("0331", [0, 1], [0, 3]),  # the queries' end of a text is no character
    ],
)
def test_the_best_path(path: str, classes: list[int], where: list[int]) -> None:
    assert best_path(columns_of(path), END) == (classes, where)


def test_a_character_stands_where_it_is_surest() -> None:
    columns = columns_of("000")
    columns[1, 0] = 0.99
    assert best_path(columns, END) == ([0], [1])


@given(st.lists(st.integers(0, 2), max_size=4), st.integers(1, 9), st.integers(0, 1000))
def test_likelihood_is_that_of_torch(classes: list[int], steps: int, seed: int) -> None:
    logits = torch.tensor(np.random.default_rng(seed).normal(0, 2, (steps, BLANK + 1)))
    log_p = logits.log_softmax(-1)
    target, sizes = torch.tensor([classes or [0]]), (torch.tensor([steps]), torch.tensor([len(classes)]))
    loss = torch.nn.functional.ctc_loss(log_p[:, None], target, *sizes, blank=BLANK, reduction="none")
    assert likelihood(log_p.exp().numpy(), classes) == pytest.approx(float(torch.exp(-loss)), rel=1e-6, abs=1e-12)


def test_spelled_places_are_those_of_the_columns_and_then_the_end() -> None:
    slots = spelled(columns_of("-0-1-"), [1, 3], 4, END)
    assert slots.argmax(1).tolist() == [0, 1, END, END]
    assert slots.sum(1) == pytest.approx([1, 1, 1, 1])
    assert places_likelihood(slots, [0, 1], END) == pytest.approx(0.9 / 0.975 * 0.9 / 0.975)
    assert places_likelihood(slots, [0] * 5, END) == 0.0  # no room for it


def logits_of(text: str, sure: float, slots: int = 16) -> np.ndarray:
    probs = np.full((slots, ALPHABET.size), (1 - sure) / (ALPHABET.size - 1), np.float32)
    probs[np.arange(slots), ALPHABET.encode(text, slots)] = sure
    return np.log(probs)


def ctc_logits(text: str, sure: float, steps: int) -> np.ndarray:
    probs = np.full((steps, ALPHABET.size + 1), (1 - sure) / ALPHABET.size, np.float32)
    classes = ALPHABET.encode(text, len(text) + 1)[:-1]
    for t in range(steps):
        at, blank = divmod(t, 2)
        probs[t, ALPHABET.size if blank or at >= len(classes) else classes[at]] = sure
    return np.log(probs)


@pytest.mark.parametrize(
    ("queries", "columns", "rows", "text"),
    [
        (("AB1233", 0.7), ("AB123", 0.99), 1, "AB123"),  # queries that lost count give way to sure columns
        (("AB123", 0.99), ("AB12", 0.6), 1, "AB123"),
        (("AB123", 0.9), ("AB123", 0.9), 1, "AB123"),
        (("AB1233", 0.7), ("AB123", 0.99), 2, "AB123"),  # of a plate of two rows the other columns count
        (("", 0.99), ("A", 0.5), 1, ""),
        (("A", 0.5), ("", 0.99), 1, ""),
    ],
)
def test_the_text_with_more_evidence_of_both(
    queries: tuple[str, float], columns: tuple[str, float], rows: int, text: str
) -> None:
    whole = Certainty(0.5, 0.0, 0.5)
    kinds = [np.zeros(5, np.float32), np.array([2 - rows, rows - 1], np.float32), np.zeros(6, np.float32)]
    by_rows = [ctc_logits(*columns, 32), ctc_logits("WRONG", 0.99, 96)]
    found = reading_of(logits_of(*queries), [*kinds, *(by_rows if rows == 1 else by_rows[::-1])], ALPHABET, 1.0, whole)
    assert found.text == text
    assert found.slot_probs is not None
    assert found.slot_probs.shape == (16, ALPHABET.size)
    assert ALPHABET.decode(found.slot_probs.argmax(-1).tolist()) == text
    assert (found.confidence > 0) == bool(text)


def test_agreement_makes_surer_and_a_reader_without_columns_reads_as_before() -> None:
    whole = Certainty(0.5, 0.0, 0.5)
    kinds = [np.zeros(n, np.float32) for n in (5, 2, 6)]
    two = ctc_logits("AB123", 0.9, 96)
    alike, unlike = (
        reading_of(logits_of("AB123", 0.9), [*kinds, ctc_logits(text, 0.9, 32), two], ALPHABET, 1.0, whole).confidence
        for text in ("AB123", "AB124")
    )
    assert alike > unlike
    alone = reading_of(logits_of("AB123", 0.9), kinds, ALPHABET, 1.0, Certainty())
    assert alone.confidence == pytest.approx(0.9**6, rel=1e-4)


NORTH_AMERICA = REGIONS.index("north-america")


def outputs_of(text: str, alphabet: Alphabet, region: int, sure: float) -> dict[str, np.ndarray]:
    """What a network says that reads `text` in every way, and is so sure of the region."""
    p = np.full(len(REGIONS), (1 - sure) / (len(REGIONS) - 1))
    p[region] = sure
    slots = np.full((16, alphabet.size), 0.1 / alphabet.size)
    slots[np.arange(16), alphabet.encode(text, 16)] = 0.9
    columns = np.full((32, alphabet.size + 1), 0.1 / alphabet.size)
    for t in range(32):
        at, blank = divmod(t, 2)
        columns[t, alphabet.size if blank or at >= len(text) else alphabet.encode(text, 16)[at]] = 0.9
    return {
        "characters": np.log(slots).astype(np.float32),
        "colour": np.zeros(5, np.float32),
        "rows": np.array([1.0, 0.0], np.float32),
        "region": np.log(p).astype(np.float32),
        "columns_one": np.log(columns).astype(np.float32),
        "columns_two": np.log(columns).astype(np.float32),
    }


@pytest.mark.parametrize(
    ("region", "sure", "text", "read"),
    [
        (NORTH_AMERICA, 0.95, "AGOB6T", "AG0B6T"),
        (NORTH_AMERICA, 0.95, "OO0A1", "000A1"),
        (NORTH_AMERICA, 0.95, "ABC123", "ABC123"),
        (NORTH_AMERICA, 0.95, "", ""),
        (NORTH_AMERICA, 0.8, "AGOB6T", "AGOB6T"),  # a region that is not sure
        (REGIONS.index("latin-america"), 0.9, "AGOB6T", "AGOB6T"),
        (REGIONS.index("europe"), 0.9, "BOO1", "BOO1"),
    ],
)
@pytest.mark.parametrize("decoder", sorted(DECODERS))
def test_letter_o_is_zero_where_texts_hold_it_so(decoder: str, region: int, sure: float, text: str, read: str) -> None:
    alphabet = Alphabet(tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    outputs = outputs_of(text, alphabet, region, sure)
    found = DECODERS[decoder].read(outputs, Classes(alphabet))
    assert found.text == read
    assert found.slot_probs is not None
    assert alphabet.decode(found.slot_probs.argmax(-1).tolist()) == read
    if read != text:
        assert min(found.char_confidence) > 0.9  # what was O and what was 0 count together


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("皖012345", "皖O12345"),  # a letter follows the province
        ("皖O12345", "皖O12345"),
        ("皖A12345", "皖A12345"),
        ("皖0", "皖O"),
        ("皖", "皖"),
        ("使014578", "使014578"),  # no province
        ("012345", "012345"),
        ("?012345", "?012345"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("decoder", sorted(DECODERS))
def test_a_letter_follows_a_province(decoder: str, text: str, read: str) -> None:
    alphabet = Alphabet(tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ皖使"), provinces=frozenset("皖"))
    found = DECODERS[decoder].read(outputs_of(text, alphabet, REGIONS.index("china"), 0.95), Classes(alphabet))
    assert found.text == read
    assert found.slot_probs is not None
    assert alphabet.decode(found.slot_probs.argmax(-1).tolist()) == read
    assert len(found.char_confidence) == len(read)


def test_the_alphabet_knows_the_provinces() -> None:
    assert len(ALPHABET.provinces) == 31
    assert ALPHABET.provinces < set(ALPHABET.symbols)
    assert not ALPHABET.provinces & set("使领警学港澳0A")
