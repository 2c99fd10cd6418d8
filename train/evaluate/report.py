"""What an evaluation found, as JSON, as a table and as contact sheets of its failures."""

from __future__ import annotations

import datetime
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from streamer.errors import OutputError
from train.data.regions import region_name
from train.evaluate.certainty import calibration, plot_confusions, plot_groups, plot_reliability
from train.evaluate.errors import ReadPlate
from train.evaluate.measures import Figures
from train.figures.sheets import Picture, contact_sheet

_SHOWN = 96  # failures shown of a set; the rest are only counted

# Column, key, and how it is written: a count, a share in per cent, or a measure between 0 and 1.
_DETECTION = (
    ("images", "images", "count"),
    ("plates", "plates", "count"),
    ("AP50", "ap50", "unit"),
    ("AP70", "ap70", "unit"),
    ("found", "found", "count"),
    ("recall %", "recall50", "share"),
    ("false", "false", "count"),
    ("precision %", "precision", "share"),
    ("corner %", "corner", "share"),
)
_END_TO_END = (
    ("texts", "texts", "count"),
    ("right", "right", "count"),
    ("e2e %", "e2e", "share"),
    ("noprov %", "e2e_noprov", "share"),
    ("folded %", "e2e_folded", "share"),
    ("CER found %", "cer_found", "share"),
    ("accepted %", "accepted", "share"),
    ("of them wrong %", "accepted_wrong", "share"),
)
_READING = (
    ("crops", "n", "count"),
    ("right", "right", "count"),
    ("exact %", "exact", "share"),
    ("noprov %", "exact_noprov", "share"),
    ("folded %", "exact_folded", "share"),
    ("CER %", "cer", "share"),
    ("top 3 %", "top3", "share"),
    ("length %", "length", "share"),
    ("ECE %", "ece", "share"),
    ("accepted %", "accepted", "share"),
    ("of them wrong %", "accepted_wrong", "share"),
)
_EVENTS = (
    ("passages", "passages", "count"),
    ("found", "found", "count"),
    ("recall %", "recall", "share"),
    ("rows", "rows", "count"),
    ("wrong", "wrong", "count"),
    ("duplicates", "duplicates", "count"),
    ("precision %", "precision", "share"),
    ("reads a row", "reads_a_row", "number"),
    ("begins apart, s", "apart_s", "number"),
)
_CCPD = (
    ("images", "images", "count"),
    ("IoU > 0.7 %", "detected", "share"),
    ("texts", "texts", "count"),
    ("read, IoU > 0.6 %", "read", "share"),
    ("noprov %", "read_noprov", "share"),
)
_TILT = (("plates", "n", "count"), ("corner %", "corner", "share"))
_BACKGROUNDS = (("images", "images", "count"), ("false plates", "false_plates", "count"))
_CALIBRATION = (
    ("readings", "n", "count"),
    ("right", "right", "count"),
    ("ECE %", "ece", "share"),
    ("accepted at a row's confidence", "row_accepted", "count"),
    ("wrong", "row_wrong", "count"),
    ("%", "row_wrong_share", "share"),
    ("threshold for 85 %", "share_threshold", "unit"),
    ("accepted", "share_accepted", "count"),
    ("of them wrong", "share_wrong", "count"),
    ("of them wrong %", "share_wrong_share", "share"),
)
_COVERED = (
    ("crops", "n", "count"),
    ("reported %", "reported", "share"),
    ("unsure %", "unsure", "share"),
    ("invented %", "invented", "share"),
    ("other mistake %", "other", "share"),
)
_COLUMNS = {
    "covered": _COVERED,
    "detector": _DETECTION,
    "scenes": _DETECTION + _END_TO_END,
    "reader": _READING,
    "videos": _EVENTS,
}


@dataclass(frozen=True)
class Report:
    """The figures of one evaluation. `sets` and `countries` by name, `total` over all; `ccpd`: CCPD's own protocol, by
    set; `backgrounds`: pictures without a plate. `min_score`: the threshold in force, None where none is. `readings`:
    each labelled plate that was read; `confused`: how often which true character was read as which."""

    what: str
    data: str
    split: str
    sets: Mapping[str, Figures]
    countries: Mapping[str, Figures] = field(default_factory=dict)
    total: Figures = field(default_factory=dict)
    ccpd: Mapping[str, Figures] = field(default_factory=dict)
    backgrounds: Figures | None = None
    min_score: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    readings: Sequence[ReadPlate] = ()
    confused: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def certainty(self) -> list[tuple[float, bool]]:
        """(confidence, right) of each reading that has a confidence."""
        return [(r.confidence, r.right) for r in self.readings if r.confidence is not None]

    def regions(self) -> dict[str, list[tuple[float, bool]]]:
        """The same by group of countries, `other` where the country is not known."""
        groups: dict[str, list[tuple[float, bool]]] = defaultdict(list)
        for reading in self.readings:
            if reading.confidence is not None:
                groups[region_name(reading.country)].append((reading.confidence, reading.right))
        return dict(sorted(groups.items()))

    def to_json(self) -> str:
        """All figures, with the `calibration` by group of countries, but no reading."""
        content = asdict(replace(self, readings=()))
        del content["readings"]
        if self.certainty:
            groups = {name: calibration(rows) for name, rows in self.regions().items()}
            content["calibration"] = {"all": calibration(self.certainty), "regions": groups}
        content["confused"] = {f"{was}>{now}": n for (was, now), n in sorted(self.confused.items())}
        return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def plot(self, folder: Path) -> list[Path]:
        """Writes `reliability.png`, one of each group of countries, and `confusions.png` for what was read; gives their
        paths."""
        files = [folder / "reliability.png", folder / "confusions.png"]
        plot_reliability(self.certainty, files[0])
        plot_confusions(dict(self.confused), files[1])
        return files + plot_groups(self.regions(), folder, "reliability")

    def write_json(self, file: Path) -> None:
        """OutputError names the file when it cannot be written."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.to_json(), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{file}: cannot be written ({error.strerror}); choose another path for --json") from None

    def note_in(self, card: Path) -> None:
        """Puts the figures of each set into a model's card. ModelError or OutputError names the card."""
        from streamer.engine.zoo import read_card

        content = read_card(card)
        kept = (
            "plates",
            "ap50",
            "ap70",
            "recall50",
            "false",
            "corner",
            "n",
            "exact",
            "cer",
            "texts",
            "e2e",
            "ece",
            "accepted_wrong",
            "reported",
            "unsure",
            "invented",
        )
        sets = {name: _rounded({k: row[k] for k in kept if k in row}) for name, row in self.sets.items()}
        found = content.setdefault("figures", {})
        found[self.what] = {"split": self.split, "date": datetime.date.today().isoformat(), "sets": sets}
        if self.min_score is not None:
            found[self.what]["threshold"] = self.min_score
        try:
            card.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{card}: cannot be written ({error.strerror})") from None

    def print(self, console: Console) -> None:
        """The tables: by set, by country, CCPD's protocol and backgrounds, each where there is one."""
        columns = _COLUMNS[self.what]
        title = f"{self.what} on {self.data}, {self.split}"
        title += f", threshold {self.min_score:.3f}" if self.min_score is not None else ""
        console.print(_table(title, columns, self.sets, self.total))
        if self.countries:
            console.print(_table("by country", columns, self.countries, {}))
        if self.ccpd:
            console.print(_table("CCPD's protocol: the best box of a picture", _CCPD, self.ccpd, {}))
        if bands := self.total.get("corner_by_tilt"):
            console.print(_table("corner error by tilt, degrees", _TILT, bands, {}))
        if self.backgrounds is not None:
            console.print(_table("pictures without a plate", _BACKGROUNDS, {"backgrounds": self.backgrounds}, {}))


def print_calibration(groups: Mapping[str, Sequence[tuple[float, bool]]], console: Console) -> None:
    """How far confidences can be trusted, by group of countries."""
    rows = {}
    for name, found in groups.items():
        figures = calibration(found)
        for at in ("row", "share"):
            figures |= {f"{at}_{key}": value for key, value in (figures.pop(f"at_{at}") or {}).items()}
        rows[name] = figures
    console.print(_table("confidence, by group of countries", _CALIBRATION, rows, {}))


def _rounded(figures: Figures) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}


def _table(title: str, columns: tuple[tuple[str, str, str], ...], rows: Mapping[str, Figures], total: Figures) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("set", no_wrap=True)
    shown = [c for c in columns if any(c[1] in r for r in rows.values())]
    for head, _, _ in shown:
        table.add_column(head, justify="right")
    for name, figures in rows.items():
        table.add_row(name, *(_cell(figures.get(key), how) for _, key, how in shown))
    if total and len(rows) > 1:
        table.add_section()
        table.add_row("all", *(_cell(total.get(key), how) for _, key, how in shown))
    return table


def _cell(value: Any, how: str) -> str:
    if value is None:
        return "-"
    return (
        {"count": "{:d}", "unit": "{:.3f}", "share": "{:.1%}", "number": "{:.1f}"}[how].format(value).removesuffix("%")
    )


@dataclass
class Failures:
    """Pictures of what went wrong, by set and kind of failure: the first ones of each, and how many there were."""

    images: dict[str, list[Picture]] = field(default_factory=lambda: defaultdict(list))
    captions: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, group: str, image: Picture, caption: str) -> None:
        """`group` names the sheet, e.g. `cn-ccpd missed`; the image is copied."""
        self.counts[group] += 1
        if len(self.images[group]) < _SHOWN:
            self.images[group].append(image.copy())
            self.captions[group].append(caption)

    def write(self, folder: Path) -> list[Path]:
        """One JPEG a group; the paths. OutputError names the file when it cannot be written."""
        written = []
        for group, images in sorted(self.images.items()):
            file = folder / (re.sub(r"[^\w.-]+", "-", group) + ".jpg")
            _write_jpeg(file, contact_sheet(images, self.captions[group]))
            written.append(file)
        return written


def _write_jpeg(file: Path, image: Picture) -> None:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror}); choose another folder for --sheets") from None
