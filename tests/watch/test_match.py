"""Passages compared with the plates of a list, mode by mode."""

from __future__ import annotations

import math
import re
import time

import numpy as np
import pytest
from watchkit import entries, read_as

from streamer.config.watch import WatchMode
from streamer.testing import passage_of
from streamer.types import Kind
from streamer.watch.background import Background
from streamer.watch.evidence import Symbols, evidence_of
from streamer.watch.lists import Entry
from streamer.watch.match import Matcher, threshold_of
from streamer.watch.scores import Scores
from streamer.watch.traffic import LENGTH_ERROR, Traffic

MODES: tuple[WatchMode, ...] = ("exact", "edit", "look_alike", "likelihood")


@pytest.mark.parametrize(
    ("read", "modes"),
    [
        ("京A12845", {"exact": "exact", "edit": "exact", "look_alike": "exact", "likelihood": "exact"}),
        ("京A12B45", {"edit": "edit", "look_alike": "look_alike"}),
        ("京A12345", {"edit": "edit"}),
        ("京A1284", {"edit": "edit"}),
        ("京A128455", {"edit": "edit"}),
        ("京A1285", {"edit": "edit"}),
        ("京AI2B45", {"look_alike": "look_alike"}),
        ("京A1?8?6", {"edit": "edit"}),
        ("京A1?845", {"edit": "edit", "likelihood": "likelihood"}),
        ("京B99999", {}),
    ],
)
def test_what_each_mode_takes_for_a_plate(read: str, modes: dict[str, str]) -> None:
    listed = entries("京A12845", "粤Z00000")
    found = {mode: Matcher(listed, mode, 13.0).best(read_as(read)) for mode in MODES}
    assert {mode: one.how for mode, one in found.items() if one is not None} == modes
    assert all(one is None or one.entry.text == "京A12845" for one in found.values())


def test_likelihood_tells_a_doubtful_reading_from_a_clear_one() -> None:
    matcher = Matcher(entries("京A12845"), "likelihood", 12.0)
    doubtful, clear = read_as("京A12B45", {4: {"8": 0.2}}), read_as("京A12B45")
    found = matcher.best(doubtful)
    assert found is not None
    assert found.how == "likelihood"
    assert found.threshold == 12.0
    assert found.why.startswith("reads 京A12B45, confidence 0.79; 京A12845 is 17.")
    assert matcher.best(clear) is None
    nearest = matcher.nearest(clear)
    assert nearest is not None
    assert nearest.score < 12.0


def test_a_character_too_many_or_too_few_costs_what_it_is_worth() -> None:
    symbols, background = Symbols("京"), Background()
    scores = Scores(["京A12845", "京A1845", "京A128945", "京A1"], symbols)
    got, lost = scores.of(evidence_of(read_as("京A12845"), symbols, background))
    whole = evidence_of(read_as("京A12845"), symbols, background).gain
    assert got[0] == pytest.approx(whole.max(1).sum())
    assert got[1] == pytest.approx(got[0] - whole[3].max() - LENGTH_ERROR)
    assert got[2] == pytest.approx(got[0] - LENGTH_ERROR)
    assert got[3] == -math.inf
    assert lost[:3] == pytest.approx([0, LENGTH_ERROR, LENGTH_ERROR])
    assert lost[3] == math.inf


def test_what_cannot_be_read_speaks_for_no_plate() -> None:
    symbols, background = Symbols("京"), Background()
    clear, hidden = (evidence_of(read_as(text), symbols, background).gain for text in ("京A12845", "京A1284?"))
    assert np.ptp(hidden[6][:36]) < 0.2
    assert np.allclose(hidden[:6], clear[:6], atol=0.01)


def test_a_row_without_distributions_serves_by_its_alternatives() -> None:
    row = passage_of(
        plate="京A12B45", confidence=0.8, char_confidence=(1, 1, 1, 1, 0.8, 1, 1), alternatives=(("京A12845", 0.16),)
    )
    matcher = Matcher(entries("京A12845"), "likelihood", 12.0)
    assert matcher.best(row) is not None
    bare = passage_of(plate="京A12B45", confidence=0.99, char_confidence=(), alternatives=())
    assert matcher.best(bare) is None


def test_exact_needs_a_row_that_is_rather_right_than_wrong() -> None:
    junk = read_as("33", confidence=0.1)
    assert Matcher(entries("33"), "likelihood").best(junk) is None
    assert Matcher(entries("33"), "likelihood").best(read_as("33")) is not None
    assert Matcher(entries("33"), "exact").best(junk) is not None


def test_patterns_match_in_every_mode() -> None:
    listed = [Entry("京A*", pattern=re.compile("京A.*")), *entries("京B12345")]
    for mode in MODES:
        found = Matcher(listed, mode).best(read_as("京A77777"))
        assert found is not None
        assert (found.how, found.entry.plate) == ("pattern", "京A*")
    assert Matcher(listed, "exact").best(read_as("沪A77777")) is None


def test_an_entry_that_does_not_hold_gives_way_to_the_next() -> None:
    listed = [Entry("A12845", "A12845", cameras=("yard",)), Entry("A-12845", "A12845", name="second")]
    found = Matcher(listed, "exact").best(read_as("A12845"))
    assert found is not None
    assert found.entry.name == "second"


def test_the_traffic_weighs_what_all_plates_have_in_common() -> None:
    local = Background.of([f"京A{n:05d}" for n in range(0, 100_000, 499)])
    passage = read_as("京A12845")
    here = Matcher(entries("京A12845"), "likelihood", 0.0, local).nearest(passage)
    anywhere = Matcher(entries("京A12845"), "likelihood", 0.0).nearest(passage)
    assert here is not None
    assert anywhere is not None
    assert here.score == pytest.approx(5 * math.log(10), abs=0.7)  # five digits
    assert anywhere.score > here.score + 5


def test_thresholds() -> None:
    stated = Traffic(per_week=10_000)
    assert threshold_of(stated, 100, 1.0) == pytest.approx(math.log(1e6))
    assert threshold_of(stated, 100, 10.0) == pytest.approx(math.log(1e5))
    assert threshold_of(stated, 100, 1.0, allow=True) == pytest.approx(math.log(100))
    assert threshold_of(stated, 1, 1.0, allow=True) == 3.0


def test_long_lists_are_compared_at_once() -> None:
    listed = entries(*(f"京A{n:05d}" for n in range(20_000)))
    for mode in MODES:
        matcher = Matcher(listed, mode, 12.0)
        matcher.best(read_as("京A12345"))
        began = time.process_time()
        for _ in range(20):
            assert matcher.best(read_as("京C99999")) is None
        assert time.process_time() - began < 10  # some ms each; comparing one by one takes ten times as long


@pytest.mark.parametrize("listed", ["AGOROT", "AG0R0T", "AGOR0T"])
@pytest.mark.parametrize("mode", ["exact", "look_alike", "likelihood"])
def test_a_plate_listed_with_o_where_texts_hold_zero_for_it(mode: WatchMode, listed: str) -> None:
    read = read_as("AG0R0T", kind=Kind(region="north-america"))
    found = Matcher(entries("XYZ789", listed), mode, 9.4).best(read)
    assert found is not None
    assert (found.entry.text, found.how) == (listed, "exact")
    if listed != "AG0R0T":
        elsewhere = Matcher(entries(listed), mode, 9.4).best(read_as("AG0R0T", kind=Kind(region="europe")))
        assert (elsewhere is not None) is (mode == "look_alike")
