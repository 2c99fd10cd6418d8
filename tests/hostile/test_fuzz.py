"""A few hundred of the inputs of fuzz.py; those that once found something are among them."""

from __future__ import annotations

import pytest
from fuzz import clips, fuzz, mutated

FOUND = [16462]  # a colour description that the converter refuses


@pytest.mark.timeout(300)
def test_no_input_crashes_or_hangs() -> None:
    for first, inputs in [(0, 400), *((number, 1) for number in FOUND)]:
        report = fuzz(first, inputs)
        assert not report.crashes + report.hangs + report.bad, str(report)
        assert report.results + report.errors == inputs
        assert report.growth_mb < 60, str(report)


def test_an_input_is_made_from_its_number() -> None:
    whole = clips()
    made = [mutated(number, whole) for number in range(200)]
    assert made == [mutated(number, whole) for number in range(200)]
    originals = {clip.read_bytes() for clip in whole}
    assert sum(data in originals for _, data in made) < 5


def test_what_breaks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    import fuzz as module

    monkeypatch.setattr(module, "__file__", "/none/of/ours.py")  # every process ends at once
    report = fuzz(0, 3)
    assert report.crashes == [0, 1, 2]
    assert not report.results
