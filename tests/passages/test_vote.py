"""The vote, the reading policy and the book of passages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamkit import SYMBOLS, FakeAlphabet, passage_of, reading_of

from streamer.config.models import ReadConfig
from streamer.geometry import plate_height
from streamer.passages.book import Ongoing, PassageBook
from streamer.passages.merge import merge
from streamer.passages.read_policy import ReadState, should_read
from streamer.passages.vote import Ballot, Verdict, alternatives, vote
from streamer.types import Passage, Reading

ALPHABET = FakeAlphabet()


def ballots(*texts: str | tuple[str, float] | tuple[str, float, float]) -> list[Ballot]:
    """(text, sureness of each slot, plate height) with defaults."""
    full = [(t,) if isinstance(t, str) else t for t in texts]
    return [Ballot(reading_of(t[0], *t[1:2]), t[2] if len(t) > 2 else 30.0) for t in full]


@pytest.mark.parametrize(
    ("cast", "text"),
    [
        ([], ""),
        (["", ""], ""),
        (["AB1"], "AB1"),
        (["AB1", "AB1"], "AB1"),
        (["AB1", "AB1", "AX1"], "AB1"),
        (["AX1", "AB2", "CB1"], "AB1"),  # no single reading has it: slots are fused, not strings
        (["AB12", "AB1", "AB12"], "AB12"),  # the length with most weight
        (["AB1", ("AB12", 0.6), ("AB12", 0.6)], "AB1"),
        (["", "AB1", ""], "AB1"),  # nothing seen does not vote
        (["A?1", "AB1", "AB1"], "AB1"),
        (["A?1", "A?1", "A?1"], "A?1"),
        (["???", "???"], ""),  # nothing readable is no text
        ([("AB1", 0.98, 30.0), ("AX1", 0.9, 8.0)], "AB1"),  # the larger, surer one
    ],
)
def test_text(cast: list[str], text: str) -> None:
    assert vote(ballots(*cast), ALPHABET).text == text


def test_one_reading_stays_as_it_is() -> None:
    only = reading_of("AB12", 0.9)
    verdict = vote([Ballot(only, 20.0)], ALPHABET)
    assert (verdict.text, verdict.confidence, verdict.char_confidence) == (
        "AB12",
        only.confidence,
        only.char_confidence,
    )


def test_confidence_grows_slower_than_if_frames_were_independent() -> None:
    def doubt(n: int) -> float:
        return 1 - vote(ballots(*[("AB1", 0.8)] * n), ALPHABET).confidence

    assert doubt(1) > doubt(2) > doubt(3) >= doubt(9) > 0
    one = reading_of("A", 0.8).slot_probs
    assert one is not None
    wrong = float(np.log(one[0, 0] / 0.8))  # log-odds of a wrong class in one reading
    fused = vote(ballots(*[("A", 0.8)] * 81), ALPHABET).char_confidence[0]
    assert (1 - fused) / (ALPHABET.size - 1) == pytest.approx(np.exp(3 * wrong), rel=0.01)  # 81 count as 3


def test_disagreement_costs_confidence() -> None:
    agreed = vote(ballots("AB1", "AB1", "AB1"), ALPHABET).confidence
    assert agreed > vote(ballots("AB1", "AB1", "AX1"), ALPHABET).confidence
    assert vote(ballots("AB1", "AX1"), ALPHABET).confidence < 0.6
    assert agreed > vote(ballots("AB1", "AB1", "AB12"), ALPHABET).confidence


def test_readings_without_distributions_vote_by_their_characters() -> None:
    bare = [replace(reading_of(t), slot_probs=None) for t in ("AB1", "AB1", "AX1")]
    assert vote([Ballot(r, 30.0) for r in bare], ALPHABET).text == "AB1"


TEXTS = st.text(SYMBOLS, min_size=1, max_size=8)
CAST = st.lists(st.tuples(TEXTS, st.floats(0.3, 0.9999), st.floats(5, 80)), min_size=1, max_size=8)


@settings(max_examples=60)
@given(CAST, st.randoms())
def test_any_vote_is_a_probability_and_the_order_does_not_matter(cast: list, random: object) -> None:  # type: ignore[type-arg]
    first = vote(ballots(*cast), ALPHABET)
    random.shuffle(cast)  # type: ignore[attr-defined]
    again = vote(ballots(*cast), ALPHABET)
    assert 0 <= first.confidence <= 1
    assert len(first.char_confidence) == len(first.text)
    assert again.confidence == pytest.approx(first.confidence, abs=1e-6)


@settings(max_examples=40)
@given(TEXTS, st.floats(0.3, 0.999), st.integers(2, 12))
def test_agreement_gives_the_text_and_no_less_confidence(text: str, sure: float, n: int) -> None:
    verdict = vote(ballots(*[(text, sure)] * n), ALPHABET)
    assert verdict.text == text
    assert verdict.confidence >= reading_of(text, sure).confidence - 1e-6


SETTLED = ReadState(reads=5, enough=True, best_height=20.0, last_frame=100, last_s=4.0, settled=0.99)
UNSETTLED = replace(SETTLED, settled=0.6)


@pytest.mark.parametrize(
    ("state", "height", "frame", "now_s", "expected"),
    [
        (ReadState(), 20.0, 0, 0.0, True),
        (ReadState(), 7.9, 0, 0.0, False),  # too small
        (ReadState(), 8.0, 0, 0.0, True),
        (ReadState(reads=1, last_frame=9, settled=0.99, best_height=20), 20.0, 10, 0.4, True),  # a row needs two
        (UNSETTLED, 20.0, 101, 4.04, False),  # every third frame
        (UNSETTLED, 20.0, 103, 4.12, True),
        (SETTLED, 20.0, 103, 4.12, False),
        (SETTLED, 21.9, 103, 4.12, False),
        (SETTLED, 22.0, 103, 4.12, True),  # 10 % larger
        (SETTLED, 22.0, 101, 4.04, False),
        (SETTLED, 20.0, 125, 5.0, True),  # to confirm
        (SETTLED, 7.0, 125, 5.0, False),
    ],
)
def test_should_read(state: ReadState, height: float, frame: int, now_s: float, expected: bool) -> None:
    assert should_read(state, height, frame, now_s, ReadConfig()) == expected


def test_plate_height_is_the_mean_of_the_sides() -> None:
    assert plate_height(np.array([[0, 0], [40, 0], [40, 12], [0, 10]], float)) == 11


def at(first: float, last: float, plate: str = "AB1", track_id: int = 1, confidence: float = 0.9) -> Passage:
    return passage_of(
        plate=plate, first_s=first, last_s=last, first_frame=round(first * 25), last_frame=round(last * 25),
        track_id=track_id, confidence=confidence, best_frame=track_id * 10, n_reads=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("passages", "spans"),
    [
        ([], []),
        ([at(0, 1)], [(1, 0, 1)]),
        ([at(0, 1), at(3, 4, track_id=2)], [(1, 0, 4)]),
        ([at(0, 1), at(4, 5, track_id=2)], [(1, 0, 5)]),  # on the border
        ([at(0, 1), at(4.1, 5, track_id=2)], [(1, 0, 1), (2, 4.1, 5)]),
        ([at(0, 1), at(2, 3, "AB2", 2)], [(1, 0, 1), (2, 2, 3)]),
        ([at(0, 9), at(2, 3, track_id=2)], [(1, 0, 9)]),  # two tracks on one plate at once
        ([at(0, 1), at(6, 7, track_id=3), at(3, 4, track_id=2)], [(1, 0, 7)]),  # the middle joins both
    ],
)
def test_rejoining(passages: list[Passage], spans: list[tuple[int, float, float]]) -> None:
    book = PassageBook(3.0)
    for passage in passages:
        book.add(passage)
    assert [(p.track_id, p.first_s, p.last_s) for p in book.finish()] == spans
    assert book.finish() == []


@pytest.mark.parametrize(
    ("now_s", "ongoing", "out"),
    [
        (1.0, [], False),
        (4.0, [], False),
        (4.1, [], True),
        (9.0, [Ongoing(2.0, "AB1")], False),  # it may be the same vehicle again
        (9.0, [Ongoing(2.0, "XY9")], True),
        (9.0, [Ongoing(0.0 - 1, "AB1")], False),  # a longer track around it: one row when that ends
        (9.0, [Ongoing(4.1, "AB1")], True),  # came too late
        (4.2, [Ongoing(3.5, "")], False),  # not read yet
        (9.0, [Ongoing(3.5, "")], True),  # and will not be
    ],
)
def test_release(now_s: float, ongoing: list[Ongoing], out: bool) -> None:
    book = PassageBook(3.0)
    book.add(at(0, 1))
    assert bool(book.release(now_s, ongoing)) == out


def test_merge_keeps_the_better_evidence() -> None:
    merged = merge(at(3, 4, track_id=2, confidence=0.99), at(0, 1, confidence=0.8))
    assert (merged.track_id, merged.confidence, merged.best_frame, merged.n_reads) == (1, 0.99, 20, 6)
    assert (merged.first_frame, merged.last_frame) == (0, 100)


def test_a_reading_type_without_text_is_no_evidence() -> None:
    assert vote([Ballot(Reading("", 0.0, ()), 30.0)] * 3, ALPHABET).confidence == 0.0


def test_readings_that_differ_make_the_text_less_sure_but_no_less_settled() -> None:
    calm = vote(ballots(*[("AB12", 0.9)] * 6), ALPHABET)
    torn = vote(ballots(*[("AB12", 0.9)] * 6, ("XB1", 0.9)), ALPHABET)
    assert calm.text == torn.text == "AB12"
    assert 0.93 < calm.confidence <= calm.settled
    assert torn.confidence < 0.9 * torn.settled


def test_alternatives_are_the_next_texts() -> None:
    verdict = vote(ballots(("AB1", 0.9), ("AB1", 0.9), ("AX1", 0.8)), ALPHABET)
    found = alternatives(verdict, ALPHABET)
    assert found[0][0] == "AX1"
    assert all(0 < p < verdict.confidence for _, p in found)
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    assert alternatives(Verdict("AB", 0.9, (0.9, 0.9)), ALPHABET) == ()
    assert alternatives(vote([], ALPHABET), ALPHABET) == ()


def test_one_reading_has_alternatives_too() -> None:
    only = vote([Ballot(reading_of("AB1", 0.6), 30.0)], ALPHABET)
    assert all(len(text) == 3 and text != "AB1" for text, _ in alternatives(only, ALPHABET))


def test_a_plate_cut_by_the_edge_counts_little() -> None:
    whole, cut = reading_of("AB12", 0.8), reading_of("B12", 0.99)
    ballots_ = [Ballot(cut, 30.0, whole=False), Ballot(cut, 30.0, whole=False), Ballot(whole, 30.0)]
    assert vote(ballots_, ALPHABET).text == "AB12"
    assert vote([Ballot(cut, 30.0, whole=False)], ALPHABET).text == "B12"  # where there is nothing else


BOX, NEAR, FAR = (10.0, 10, 50, 20), (40.0, 12, 82, 22), (150.0, 10, 190, 20)


@pytest.mark.parametrize(
    ("later", "box", "text", "one_row"),
    [
        (1.5, NEAR, "AB12", True),  # the same text
        (1.5, NEAR, "AX12", True),  # lost for half a second, and misread in one half
        (1.5, NEAR, "A?12", True),
        (1.5, NEAR, "XX12", False),  # two characters apart
        (1.5, NEAR, "AX123", False),  # another length
        (1.5, FAR, "AX12", False),  # elsewhere
        (3.0, NEAR, "AX12", False),  # too late
        (0.8, NEAR, "AX12", False),  # both at once: two vehicles
    ],
)
def test_a_split_track_is_one_row_though_a_character_differs(
    later: float, box: tuple[float, float, float, float], text: str, one_row: bool
) -> None:
    first = replace(at(0, 1, "AB12", 1, 0.95), first_box=BOX, last_box=BOX)
    second = replace(at(later, later + 1, text, 2, 0.6), first_box=box, last_box=box)
    book = PassageBook(60.0)
    book.add(first)
    book.add(second)
    rows = book.finish()
    assert len(rows) == (1 if one_row else 2)
    if one_row:
        assert rows[0].plate == "AB12"  # the surer text
