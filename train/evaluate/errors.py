"""What kind of mistake a reading is, and where in the text it lies: tables that say what to work on next.

A reading has one kind, the first of KINDS that fits, so that the counts add up. Texts are compared as in `measures`:
upper case, separators removed; a `?` in the reading stands for a character that the reader did not claim to know.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from streamer.errors import OutputError
from train.evaluate.measures import Figures, normalise, rate

LOOKALIKES = {"zero": "O0QD", "one": "I1L", "eight": "B8"}
KINDS = {
    "right": "right",
    "empty": "nothing read",
    "unreadable": "? for a character, the rest right",
    "province": "province (China, first character)",
    "row_order": "rows in the wrong order",
    "row_lost": "a row lost",
    "slip": "slip to a neighbour",
    "lost": "one character lost",
    "extra": "one character too many",
    "zero": "O, 0, Q, D",
    "one": "I, 1, L",
    "eight": "B, 8",
    "substitution": "another character for one",
    "several": "several characters",
}
POSITIONS = ("first", "middle", "last", "letters", "digits", "chinese", "other")
_MOST_SHOWN = 20  # confusions on the terminal


@dataclass(frozen=True)
class ReadPlate:
    """A labelled plate and what was read of it. `confidence`: None for a reader without one; `rows`: as labelled,
    None where that is not known."""

    text: str
    read: str
    confidence: float | None = None
    country: str | None = None
    rows: int | None = None

    @property
    def right(self) -> bool:
        return normalise(self.read) == normalise(self.text)


def kind_of(text: str, read: str, rows: int | None = None) -> str:
    """The kind of mistake that `read` is for the plate `text`: a key of KINDS.

    - `unreadable`: as long as the text, and wrong only where it has `?`.
    - `province`: the first character is Chinese, and it alone is another one or missing.
    - `row_order`, `row_lost`: of plates with two rows; the text turned round at some place, and two or more characters
      missing at its begin or end.
    - `slip`: one of two equal neighbours is too many, or one character is a copy of its neighbour.
    - `lost`, `extra`: one character is missing (one of a pair too) or too many, the rest is equal.
    - a look-alike: every wrong character is taken for one of the same family; there may be several of them.
    """
    if normalise(read) == normalise(text):
        return "right"
    text, read = normalise(text), normalise(read, keep="?")
    if not read:
        return "empty"
    wrong = _differing(text, read)
    if wrong and all(read[i] == "?" for i in wrong):
        return "unreadable"
    if part_of(text[:1]) == "chinese" and (wrong == [0] or read == text[1:]):
        return "province"
    if rows == 2 and len(read) == len(text) and read in text + text:
        return "row_order"
    if rows == 2 and len(text) - len(read) >= 2 and (text.startswith(read) or text.endswith(read)):
        return "row_lost"
    if is_slip(text, read):
        return "slip"
    if _one_less(text, read):
        return "lost"
    if _one_less(read, text):
        return "extra"
    family = lookalike(text, read)
    if family:
        return family
    return "substitution" if len(wrong) == 1 else "several"


def is_slip(text: str, read: str) -> bool:
    """Whether the reading becomes the text when one of two equal neighbours goes, or when the copy of a neighbour is
    put right."""
    if len(read) == len(text) + 1:
        return any(read[i] == read[i - 1] and read[:i] + read[i + 1 :] == text for i in range(1, len(read)))
    wrong = _differing(text, read)
    return len(wrong) == 1 and read[wrong[0]] in _neighbours(read, wrong[0])


def lookalike(text: str, read: str) -> str:
    """The family within which every wrong character stays; empty where there is none."""
    wrong = _differing(text, read)
    for name, family in LOOKALIKES.items():
        if wrong and all(text[i] in family and read[i] in family for i in wrong):
            return name
    return ""


def _differing(text: str, read: str) -> list[int]:
    """Where two texts of one length differ; empty for texts of two lengths."""
    return [i for i, (a, b) in enumerate(zip(text, read, strict=True)) if a != b] if len(text) == len(read) else []


def _neighbours(text: str, at: int) -> str:
    return text[max(at - 1, 0) : at] + text[at + 1 : at + 2]


def _one_less(longer: str, shorter: str) -> bool:
    """Whether one character of the longer text is all that the shorter one lacks."""
    return len(longer) == len(shorter) + 1 and any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def part_of(character: str) -> str:
    """letters, digits, chinese; other for `?`."""
    if "A" <= character <= "Z":
        return "letters"
    if "0" <= character <= "9":
        return "digits"
    return "chinese" if "\u4e00" <= character <= "\u9fff" else "other"


def aligned(text: str, read: str) -> list[tuple[int, str, str]]:
    """(place in the text, true character, read one) by the fewest edits, substitutions before others. A lost character
    is read as "", one too many has "" as its true character and the place of the one it stands before."""
    cost = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(read) + 1)] for i in range(len(text) + 1)]
    for i, a in enumerate(text, 1):
        for j, b in enumerate(read, 1):
            cost[i][j] = min(cost[i - 1][j - 1] + (a != b), cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    out = []
    i, j = len(text), len(read)
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (text[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            out.append((i, text[i], read[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            out.append((i, text[i], ""))
        else:
            j -= 1
            out.append((i, "", read[j]))
    return out[::-1]


def positions(place: int, length: int, was: str, now: str) -> tuple[str, str]:
    """Where a character stands: first, middle or last, and the part of the plate, by the true character (the read one
    where it is too many)."""
    where = "first" if place == 0 else "last" if place >= length - 1 else "middle"
    return where, part_of(was or now)


def _confusions(readings: Iterable[ReadPlate]) -> Figures:
    """By position: `n` true characters, how many of them `right`, and `pairs`, true > read, "" for none."""
    count: dict[str, Counter[str]] = defaultdict(Counter)
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for reading in readings:
        text = normalise(reading.text)
        for place, was, now in aligned(text, normalise(reading.read, keep="?")):
            for position in positions(place, len(text), was, now):
                count[position]["n"] += bool(was)
                count[position]["right"] += was == now
                if was != now:
                    pairs[position][f"{was}>{now}"] += 1
    return {
        p: {"n": count[p]["n"], "right": count[p]["right"], "pairs": dict(_most(pairs[p]))}
        for p in POSITIONS
        if p in count
    }


def _kinds(readings: Sequence[ReadPlate]) -> Figures:
    """`n` readings, `wrong` ones, and of each kind that came how many, as a share of the errors and of the readings.
    `slip_or_lookalike`: slips that a look-alike would explain as well."""
    found = Counter(kind_of(r.text, r.read, r.rows) for r in readings)
    wrong = len(readings) - found["right"]
    slips = [r for r in readings if kind_of(r.text, r.read, r.rows) == "slip"]
    return {
        "n": len(readings),
        "wrong": wrong,
        "kinds": {
            k: {"n": found[k], "of_errors": rate(found[k], wrong), "of_readings": rate(found[k], len(readings))}
            for k in KINDS
            if k != "right" and found[k]
        },
        "slip_or_lookalike": sum(bool(lookalike(normalise(r.text), normalise(r.read, keep="?"))) for r in slips),
    }


def error_figures(readings: Sequence[ReadPlate]) -> Figures:
    """All tables of a measurement, without a text in them: `all`, `by_country`, `by_rows` (1, 2, unknown) and
    `by_length` of the true text, each as kinds; `confusions` of `all` and by country, each by position."""
    by: dict[str, Callable[[ReadPlate], str]] = {
        "by_country": lambda r: r.country or "none",
        "by_rows": lambda r: str(r.rows or "unknown"),
        "by_length": lambda r: f"{len(normalise(r.text)):2d}",
    }
    out: Figures = {"all": _kinds(readings)}
    for name, key in by.items():
        out[name] = {group.strip(): _kinds(members) for group, members in _grouped(readings, key)}
    countries = {group: _confusions(members) for group, members in _grouped(readings, by["by_country"])}
    return out | {"confusions": {"all": _confusions(readings), "by_country": countries}}


def _grouped(readings: Iterable[ReadPlate], key: Callable[[ReadPlate], str]) -> list[tuple[str, list[ReadPlate]]]:
    groups: dict[str, list[ReadPlate]] = defaultdict(list)
    for reading in readings:
        groups[key(reading)].append(reading)
    return sorted(groups.items())


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def write_errors(figures: Figures, file: Path) -> None:
    """OutputError names the file when it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror}); choose another path for --errors") from None


def print_errors(figures: Figures, console: Console) -> None:
    """The kinds of all readings, what is most frequent in each group, and the most frequent confusions."""
    total = figures["all"]
    title = f"errors: {total['wrong']} of {total['n']} readings"
    kinds = _table(title, "kind", "times", "of errors %", "of readings %")
    for key, found in sorted(total["kinds"].items(), key=lambda item: -item[1]["n"]):
        shares = f"{100 * found['of_errors']:.1f}", f"{100 * found['of_readings']:.2f}"
        kinds.add_row(KINDS[key], str(found["n"]), *shares)
    console.print(kinds)
    groups = _table("by group", "group", "readings", "wrong", "wrong %", "kinds")
    for name in ("country", "rows", "length"):
        for group, row in figures[f"by_{name}"].items():
            counts = _most({k: v["n"] for k, v in row["kinds"].items()})
            listed = ", ".join(f"{k} {n}" for k, n in counts) or "-"
            share = f"{100 * row['wrong'] / row['n']:.1f}"
            groups.add_row(f"{name} {group}", str(row["n"]), str(row["wrong"]), share, listed)
    console.print(groups)
    rows = {
        f"{country}\t{position}\t{pair}": n
        for country, by_position in figures["confusions"]["by_country"].items()
        for position, found in by_position.items()
        if position in POSITIONS[:3]
        for pair, n in found["pairs"].items()
    }
    confused = _table(f"true > read, the {_MOST_SHOWN} most frequent", "country", "place", "true > read", "times")
    for row, n in _most(rows)[:_MOST_SHOWN]:
        country, position, pair = row.split("\t")
        was, now = pair.split(">")
        confused.add_row(country, position, f"{was or 'nothing'} > {now or 'nothing'}", str(n))
    console.print(confused)


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for k, head in enumerate(heads):
        table.add_column(head, justify="left" if k == 0 or head in ("kinds", "place", "true > read") else "right")
    return table
