"""The kinds of a reader's errors: every kind, its borders and what is first where two fit."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streamer.errors import OutputError
from train.evaluate.errors import (
    KINDS,
    ReadPlate,
    aligned,
    error_figures,
    kind_of,
    positions,
    print_errors,
    write_errors,
)
from train.evaluate.measures import edit_distance

TABLE = [
    # text, reading, rows, kind
    ("AB123", "AB123", None, "right"),
    ("AB-12 3", "ab123", None, "right"),  # separators and case do not count
    ("AB123", "", None, "empty"),
    ("AB123", " - ", None, "empty"),
    ("AB123", "AB?23", None, "unreadable"),
    ("AB123", "?????", None, "unreadable"),
    ("AB123", "AB?24", None, "several"),  # another character is wrong too
    ("AB123", "AC?23", None, "several"),
    ("京A12345", "?A12345", None, "unreadable"),  # before province: nothing was claimed
    ("京A12345", "津A12345", None, "province"),
    ("京A12345", "A12345", None, "province"),  # missing
    ("京A12345", "AA12345", None, "province"),  # before slip
    ("京A12345", "津A12346", None, "several"),
    ("京A1234警", "京A1234学", None, "substitution"),  # Chinese, but not the first
    ("京A12345", "A12345", 2, "province"),  # before a row lost
    ("京A12345", "12345", 2, "row_lost"),
    ("京A12345", "12345", 1, "several"),
    ("京A12345", "京A", 2, "row_lost"),
    ("AB1234", "1234AB", 2, "row_order"),
    ("AB1234", "1234AB", 1, "several"),
    ("AB1234", "1234AB", None, "several"),  # rows not known
    ("AB1234", "1234BA", 2, "several"),
    ("AB1234", "B1234", 2, "lost"),  # one character is no row
    ("AB1234", "AB14", 2, "several"),  # two lost within
    ("AB1234", "AB12", 2, "row_lost"),
    ("AB123", "AAB123", None, "slip"),
    ("AB123", "AB1233", None, "slip"),
    ("AB123", "ABB123", None, "slip"),
    ("AB113", "AB1113", None, "slip"),  # a third of a pair
    ("AB123", "AA123", None, "slip"),  # a copy of the left neighbour
    ("AB123", "AB223", None, "slip"),  # a copy of the right neighbour
    ("AB123", "BB123", None, "slip"),  # at the begin
    ("AB123", "AB122", None, "slip"),  # at the end
    ("AO01", "A001", None, "slip"),  # a look-alike as well
    ("AB123", "AB323", None, "substitution"),  # a copy from two places on
    ("AB123", "AAB12", None, "several"),
    ("AB123", "AB12", None, "lost"),
    ("AB123", "B123", None, "lost"),
    ("AB113", "AB13", None, "lost"),  # one of a pair
    ("AB123", "AB1", None, "several"),
    ("AB123", "AB1723", None, "extra"),
    ("AB123", "7AB123", None, "extra"),
    ("AB123", "AB1237", None, "extra"),
    ("AB123", "AB?123", None, "right"),  # as everywhere in the measures: the text without `?`
    ("AB123", "AB12377", None, "several"),
    ("AO123", "A0123", None, "zero"),
    ("A0123", "AD123", None, "zero"),
    ("AQ123", "AO123", None, "zero"),
    ("OA10", "0A1O", None, "zero"),  # both within the family
    ("AI23", "A123", None, "one"),
    ("AL23", "A123", None, "one"),
    ("A123", "AL23", None, "one"),
    ("AB12", "A812", None, "eight"),
    ("A812", "AB12", None, "eight"),
    ("AO8", "A0B", None, "several"),  # two families
    ("AO23", "A023X", None, "several"),
    ("AB123", "AB173", None, "substitution"),
    ("AO123", "A8123", None, "substitution"),  # two families are no look-alikes
    ("AB123", "AB456", None, "several"),
    ("AB123", "BA123", None, "several"),
    ("AB123", "XYZ", None, "several"),
    ("A", "B", None, "substitution"),
    ("A", "AA", None, "slip"),
]


@pytest.mark.parametrize(("text", "read", "rows", "kind"), TABLE)
def test_kinds(text: str, read: str, rows: int | None, kind: str) -> None:
    assert kind_of(text, read, rows) == kind


def test_every_kind_is_in_the_table() -> None:
    assert {row[3] for row in TABLE} == set(KINDS)


LETTERS = st.text("AB018O京?", max_size=6)


@given(LETTERS.map(lambda t: t.replace("?", "") or "A"), LETTERS, st.sampled_from([None, 1, 2]))
def test_any_pair_has_one_kind(text: str, read: str, rows: int | None) -> None:
    assert kind_of(text, read, rows) in KINDS


@given(LETTERS, LETTERS)
def test_alignment_is_the_fewest_edits(text: str, read: str) -> None:
    found = aligned(text, read)
    assert "".join(was for _, was, _ in found) == text
    assert "".join(now for _, _, now in found) == read
    assert sum(was != now for _, was, now in found) == edit_distance(text, read)


@pytest.mark.parametrize(
    ("place", "length", "was", "now", "expected"),
    [
        (0, 3, "京", "津", ("first", "chinese")),
        (0, 1, "A", "B", ("first", "letters")),
        (1, 3, "0", "O", ("middle", "digits")),
        (2, 3, "O", "0", ("last", "letters")),
        (3, 3, "", "7", ("last", "digits")),  # after the end
        (0, 3, "", "?", ("first", "other")),
    ],
)
def test_positions(place: int, length: int, was: str, now: str, expected: tuple[str, str]) -> None:
    assert positions(place, length, was, now) == expected


READINGS = [
    ReadPlate("京A12345", "津A12345", 0.9, "CN", 1),
    ReadPlate("京A12345", "京A12345", 0.9, "CN", 1),
    ReadPlate("AO123", "A0123", 0.5, "GB", None),
    ReadPlate("AB1234", "1234AB", 0.5, "IN", 2),
    ReadPlate("AO0", "A00", 0.5, None, None),
    ReadPlate("AB", "", None, "GB", None),
]


def test_figures_have_counts_and_shares_and_no_text(tmp_path: Path) -> None:
    figures = error_figures(READINGS)
    total = figures["all"]
    assert (total["n"], total["wrong"], total["slip_or_lookalike"]) == (6, 5, 1)
    assert total["kinds"]["zero"] == {"n": 1, "of_errors": 1 / 5, "of_readings": 1 / 6}
    assert sum(k["n"] for k in total["kinds"].values()) == 5
    assert list(figures["by_length"]) == ["2", "3", "5", "6", "7"]
    assert figures["by_rows"]["2"]["kinds"]["row_order"]["n"] == 1
    assert set(figures["by_country"]) == {"CN", "GB", "IN", "none"}
    first = figures["confusions"]["by_country"]["CN"]["first"]
    assert first == {"n": 2, "right": 1, "pairs": {"京>津": 1}}
    assert figures["confusions"]["by_country"]["GB"]["letters"]["pairs"] == {"A>": 1, "B>": 1, "O>0": 1}
    assert figures["confusions"]["all"]["first"]["n"] == 6
    write_errors(figures, tmp_path / "new" / "errors.json")
    written = (tmp_path / "new" / "errors.json").read_text(encoding="utf-8")
    assert json.loads(written) == figures
    assert not any(r.text in written or (r.read and r.read in written) for r in READINGS)
    with pytest.raises(OutputError, match="--errors"):
        write_errors(figures, tmp_path / "new" / "errors.json" / "x.json")


@pytest.mark.parametrize("readings", [READINGS, READINGS[1:2], []])
def test_tables(readings: list[ReadPlate]) -> None:
    said = io.StringIO()
    print_errors(error_figures(readings), Console(file=said, width=160))
    assert f"of {len(readings)} readings" in said.getvalue()
    assert ("O > 0" in said.getvalue()) == (len(readings) > 1)
