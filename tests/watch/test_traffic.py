"""Thresholds that keep false alerts within a budget, over weeks of drawn traffic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from watchkit import entries, read_as

from streamer.types import Passage
from streamer.watch.background import Background, crowding
from streamer.watch.evidence import Symbols, evidence_of
from streamer.watch.match import Matcher
from streamer.watch.traffic import MOST_LOST, Traffic, false_alerts, fit

SIGNS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ALIKE = {"8": "B", "B": "8", "0": "D", "D": "0", "5": "S", "S": "5", "2": "Z", "Z": "2", "1": "7", "7": "1"}


def plates(rng: np.random.Generator, count: int, length: int = 4) -> list[str]:
    """Plates of a small town: short, so that many are alike."""
    signs = rng.choice(list(SIGNS), (count, length), p=np.array([0.07] * 10 + [0.3 / 24] * 24))
    return ["京A" + "".join(row) for row in signs]


def seen(rng: np.random.Generator, plate: str) -> Passage:
    """How a camera reads it: look-alikes are told apart with more or less certainty, which is what it says it is."""
    text, doubts = list(plate), {}
    for k, symbol in enumerate(plate):
        if symbol in ALIKE and rng.random() < 0.3:
            doubt = float(rng.beta(0.3, 3) / 2)
            text[k] = ALIKE[symbol] if rng.random() < doubt else symbol
            doubts[k] = {ALIKE[text[k]]: doubt}
    return read_as("".join(text), doubts)


@pytest.mark.parametrize("budget", [2.0, 20.0])
def test_the_alert_budget_is_kept_over_weeks(budget: float) -> None:
    rng = np.random.default_rng(7)
    a_week = 1000
    town = plates(rng, a_week)
    traffic = fit([seen(rng, plate) for plate in town], per_week=a_week)
    listed = plates(rng, 300)
    threshold = traffic.threshold(len(listed), budget)
    assert math.isfinite(threshold)
    assert traffic.expected(threshold, len(listed)) <= budget
    matcher = Matcher(entries(*listed), "likelihood", threshold, traffic.background)
    weeks, alerts, of_listed, missed = 3, 0, 0, 0
    for plate in plates(rng, a_week * weeks):
        found = matcher.best(seen(rng, plate))
        alerts += found is not None and found.entry.text != plate
    for plate in listed:
        found = matcher.best(seen(rng, plate))
        of_listed += 1
        missed += found is None or found.entry.text != plate
    assert alerts / weeks <= budget * 1.3 + 1
    edits = Matcher(entries(*listed), "edit")
    near = sum(edits.best(read_as(plate)) is not None for plate in plates(rng, a_week))
    assert near > 2 * budget  # within an edit of a listed plate drive more
    assert missed / of_listed < (0.15 if budget < 5 else 0.08)


def test_the_convolution_counts_what_drawing_counts() -> None:
    """The probability that a drawn plate reaches a threshold, against drawing many."""
    rng = np.random.default_rng(3)
    town = plates(rng, 3000, 2)
    background = Background.of(town)
    symbols = Symbols("京")
    passage = read_as("京A8B", {2: {"B": 0.3}, 3: {"8": 0.1}})
    evidence = evidence_of(passage, symbols, background)
    expected = false_alerts(evidence, background)
    from streamer.watch.scores import Scores

    scores, lost = Scores(town, symbols).of(evidence)
    own = np.array([evidence.likely[np.arange(4), symbols.codes(plate)].prod() for plate in town])
    for threshold in (1.0, 3.0, 5.0):
        drawn = ((scores >= threshold) * (lost <= MOST_LOST) * (1 - own)).mean()
        assert expected[round(threshold / 0.2)] == pytest.approx(drawn, rel=0.5, abs=0.004)
    assert (np.diff(expected) <= 1e-12).all()


def test_no_traffic_bounds_the_alerts() -> None:
    traffic = Traffic(per_week=1000)
    assert traffic.expected(traffic.threshold(10, 0.5), 10) == pytest.approx(0.5)
    assert traffic.threshold(1, 1e9) == 0.0


def test_a_budget_that_no_threshold_keeps() -> None:
    rng = np.random.default_rng(1)
    traffic = fit([seen(rng, plate) for plate in plates(rng, 300, 1)], per_week=1e6)
    assert traffic.threshold(1000, 0.1) == math.inf
    assert traffic.expected(math.inf, 1000) > 0.1


def test_plates_in_sequence_are_a_crowd() -> None:
    rng = np.random.default_rng(2)
    assert crowding(plates(rng, 500)) < 2
    assert crowding([f"京AT{n:04d}" for n in range(200)] + plates(rng, 300, 5)) > 2
    assert crowding([]) == crowding(["A1"]) == 1.0


def test_background_of_few_and_of_no_plates() -> None:
    none = Background()
    assert none.log_of("京A1") == pytest.approx(math.log(1 / 2) + math.log(1 / 3) + math.log(1 / 34))
    assert none.of_length(7) == 1.0
    some = Background.of(["京A1", "京A2", "京B?"])
    assert some.log_of("京A1") > none.log_of("京A1") - 1
    assert some.of_length(3) > some.of_length(4) > 0


def test_a_row_that_is_less_sure_than_its_places_is_rather_of_another_plate() -> None:
    background, symbols = Background.of(plates(np.random.default_rng(4), 500)), Symbols("京")
    sure, unsure = (read_as("京A12B4", {4: {"8": 0.1}}, confidence=c) for c in (0.9, 0.55))
    of_sure, of_unsure = (false_alerts(evidence_of(one, symbols, background), background) for one in (sure, unsure))
    assert (of_unsure >= of_sure).all()
    assert of_unsure[40] > of_sure[40]
