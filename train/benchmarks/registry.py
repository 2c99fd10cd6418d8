"""The measurements, and the figures read from each.

A figure that a text states anew is added here, with the place that states it; `python -m train.benchmarks --list` shows
all. Figures of others' programs, of runs of hours and of machines that are not at hand have no command and stay out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from train.benchmarks.places import ROOT, CardValue, Cell, Phrase, Place

Kind = Literal["count", "accuracy", "speed"]
README, BENCHMARKS = "README.md", "docs/benchmarks.md"


@dataclass(frozen=True)
class Measure:
    """Commands that measure, run one after the other. Words in braces are replaced: {json} by the file for figures,
    {work} by a folder that is kept, {NAME} by the environment variable NAME, without which the measure is skipped.
    `patterns` reads figures from what the last command prints, where it writes no JSON."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    about: str
    minutes: float
    patterns: Mapping[str, str] = field(default_factory=dict)
    speed: bool = False

    @property
    def variables(self) -> list[str]:
        words = [word for command in self.commands for word in command]
        return sorted({name for word in words for name in re.findall(r"\{([A-Z_]+)\}", word)})


@dataclass(frozen=True)
class Figure:
    """A number that a text states: `key` is its path in what the measure found, `scale` what it is multiplied with."""

    measure: str
    key: str
    place: Place
    kind: Kind = "accuracy"
    scale: float = 1.0

    @property
    def name(self) -> str:
        return f"{self.measure}/{self.key}"


def _eval(name: str, what: str, about: str, minutes: float, *options: str, data: str = "{ALPR_DATA}") -> Measure:
    return Measure(name, (("alpr", "eval", what, data, "--json", "{json}", *options),), about, minutes)


def _bench(name: str, about: str, minutes: float, patterns: Mapping[str, str], *words: str) -> Measure:
    return Measure(name, (("alpr", "bench", *words),), about, minutes, patterns, speed=True)


_SPEEDS = {p: rf"^{p} +1 +([\d.]+)" for p in ("int8", "f32")}
_STREAM = {
    "decode": r"^decode +([\d.]+) frames/s",
    "run": r"^run +([\d.]+) frames/s",
    "recode": r"^recode +([\d.]+) frames/s",
    "video": r"^video +([\d.]+) frames/s",
}

MEASURES = (
    _eval("reader", "reader", "plate crops", 0.5),
    _eval("covered", "covered", "crops with a hidden character", 0.5),
    _eval("videos", "videos", "rows of labelled videos", 5),
    _eval("scenes", "scenes", "pictures, with the shipped networks", 5),
    _eval("scenes-m", "scenes", "pictures, with detector M", 8, "--detector", "plate-detector-m"),
    _eval("detector-alone", "detector", "detector S without the refiner", 3, "--refiner", "none"),
    _eval("detector-960", "detector", "detector S on the larger input", 6, "--detector", "plate-detector-s@960"),
    _eval("openalpr", "scenes", "openalpr's benchmark as cloned", 4, data="openalpr:{ALPR_OPENALPR}"),
    _bench("bench-detector", "speed of detector S", 1, _SPEEDS, "detector"),
    _bench("bench-detector-m", "speed of detector M", 1, _SPEEDS, "detector", "--detector", "plate-detector-m"),
    _bench("bench-reader", "speed of the reader", 0.5, _SPEEDS, "reader"),
    _bench(
        "bench-stream",
        "speed of a run over a file, a 1080p25 H.264 one named by ALPR_BENCH_VIDEO",
        10,
        _STREAM,
        *("stream", "{ALPR_BENCH_VIDEO}", "--video"),
    ),
)


def figures() -> list[Figure]:
    """All of them, those of the cards included."""
    return [*_front(), *_scenes(), *_texts(), *_speeds(), *_cards()]


_SCENES, _DETECTORS, _CROPS = (
    "| set | plates | AP50 | AP70 |",
    "| set | plates | detector S and refiner, after the reader's word |",
    "| crops | n |",
)
_ENDS = "| scenes | n | detector S"
_OPENALPR = "| set | plates | shipped S, refiner, reader: AP50/AP70 |"
_SETS = (
    "cn-ccpd", "cn-blue", "cn-green", "cn-other", "eu", "eu-web", "us", "us-web", "br", "tn", "latin-web", "asia-web",
    "ro", "bd", "eg", "world-web",
)  # fmt: skip
_WITHOUT_TEXT = {"ro", "bd", "eg"}


def _scenes() -> Iterator[Figure]:
    """The tables by set in docs/benchmarks.md."""
    for name in _SETS:
        row, at = f"`{name}`", f"sets/{name}"
        yield Figure("scenes", f"{at}/plates", Cell(BENCHMARKS, _SCENES, row, 1), "count")
        yield Figure("scenes", f"{at}/ap50", Cell(BENCHMARKS, _SCENES, row, 2))
        yield Figure("scenes", f"{at}/ap70", Cell(BENCHMARKS, _SCENES, row, 3))
        yield Figure("scenes", f"{at}/recall50", Cell(BENCHMARKS, _SCENES, row, 4), scale=100)
        yield Figure("scenes", f"{at}/precision", Cell(BENCHMARKS, _SCENES, row, 5), scale=100)
        yield Figure("scenes-m", f"{at}/ap50", Cell(BENCHMARKS, _SCENES, row, 7))
        yield Figure("scenes-m", f"{at}/ap70", Cell(BENCHMARKS, _SCENES, row, 8))
        if name not in _WITHOUT_TEXT:
            yield Figure("scenes", f"{at}/e2e", Cell(BENCHMARKS, _SCENES, row, 6), scale=100)
            yield Figure("scenes", f"{at}/right", Cell(BENCHMARKS, _SCENES, row, 6, 1), "count")
            yield Figure("scenes", f"{at}/texts", Cell(BENCHMARKS, _SCENES, row, 6, 2), "count")
            yield Figure("scenes-m", f"{at}/e2e", Cell(BENCHMARKS, _SCENES, row, 9), scale=100)
        columns = {2: "scenes", 3: "detector-alone", 4: "detector-960", 5: "scenes-m"}
        for column, measure in columns.items():
            yield Figure(measure, f"{at}/ap50", Cell(BENCHMARKS, _DETECTORS, row, column))
            yield Figure(measure, f"{at}/ap70", Cell(BENCHMARKS, _DETECTORS, row, column, 1))
        yield Figure("scenes", f"{at}/recall50", Cell(BENCHMARKS, _DETECTORS, row, 6))
        yield Figure("scenes", f"{at}/false", Cell(BENCHMARKS, _DETECTORS, row, 7), "count")
    for name in ("eu", "us", "br"):
        row, at = name.upper(), f"sets/openalpr-{name}"
        yield Figure("openalpr", f"{at}/plates", Cell(BENCHMARKS, _OPENALPR, row, 1), "count")
        yield Figure("openalpr", f"{at}/ap50", Cell(BENCHMARKS, _OPENALPR, row, 2))
        yield Figure("openalpr", f"{at}/ap70", Cell(BENCHMARKS, _OPENALPR, row, 2, 1))
        yield Figure("openalpr", f"{at}/found", Cell(BENCHMARKS, _OPENALPR, row, 3), "count")
        yield Figure("openalpr", f"{at}/e2e", Cell(BENCHMARKS, _OPENALPR, row, 4), scale=100)
        yield Figure("openalpr", f"{at}/right", Cell(BENCHMARKS, _OPENALPR, row, 4, 1), "count")
        yield Figure("openalpr", f"{at}/e2e_folded", Cell(BENCHMARKS, _OPENALPR, row, 5), scale=100)
    for name in ("cn-ccpd", "cn-blue", "cn-green", "cn-other", "eu", "us", "br", "eu-web", "us-web", "asia-web",
                 "latin-web", "tn"):  # fmt: skip
        yield Figure("scenes", f"sets/{name}/texts", Cell(BENCHMARKS, _ENDS, f"`{name}`", 1), "count")
        yield Figure("scenes", f"sets/{name}/e2e", Cell(BENCHMARKS, _ENDS, f"`{name}`", 2), scale=100)
    for name in ("cn-lpr", "cn-rare", "ar", "us-web-crops", "eu-web-crops", "asia-web-crops", "tn"):
        yield Figure("reader", f"sets/{name}/n", Cell(BENCHMARKS, _CROPS, f"`{name}`", 1), "count")
        yield Figure("reader", f"sets/{name}/exact", Cell(BENCHMARKS, _CROPS, f"`{name}`", 2), scale=100)


def _sentence(measure: str, key: str, pattern: str, kind: Kind = "accuracy", scale: float = 1.0) -> Figure:
    return Figure(measure, key, Phrase(BENCHMARKS, pattern), kind, scale)


def _share(measure: str, key: str, pattern: str) -> Figure:
    return _sentence(measure, key, pattern, scale=100)


def _texts() -> Iterator[Figure]:
    """Sentences of docs/benchmarks.md."""
    whole = r"equal overall \(AP50 {}, AP70 {}, where S has {} and {}; {} % end to end"
    n = r"[\d.]+"
    for i, (measure, key) in enumerate(
        [("scenes-m", "ap50"), ("scenes-m", "ap70"), ("scenes", "ap50"), ("scenes", "ap70"), ("scenes-m", "e2e")]
    ):
        pattern = whole.format(*(f"({n})" if k == i else n for k in range(5)))
        yield _sentence(measure, f"total/{key}", pattern, scale=100 if key == "e2e" else 1)
    yield _sentence("scenes-m", "total/false", r"fewer false detections \((\d+), not", "count")
    yield _sentence("scenes", "total/false", r"fewer false detections \(\d+, not (\d+)\)", "count")
    yield _share("scenes", "sets/cn-ccpd/corner", r"Mean corner error on `cn-ccpd`: ([\d.]+) %")
    yield _sentence("scenes", "backgrounds/images", r"On (\d+) pictures without a plate", "count")
    empty = r"pictures without a plate: {} false detections \(M: {}\)"
    yield _sentence("scenes", "backgrounds/false_plates", empty.format(r"(\d+)", r"\d+"), "count")
    yield _sentence("scenes-m", "backgrounds/false_plates", empty.format(r"\d+", r"(\d+)"), "count")
    for name in ("cn-ccpd", "cn-blue", "cn-green"):
        yield _share("scenes", f"ccpd/{name}/detected", rf"own protocol .*`{name}` ([\d.]+) /")
        yield _share("scenes", f"ccpd/{name}/read", rf"own protocol .*`{name}` [\d.]+ / ([\d.]+) %")
    for name in ("eu", "us", "br"):
        start = rf"found and read right, .*\b{name.upper()} "
        yield _share("openalpr", f"sets/openalpr-{name}/e2e", rf"{start}([\d.]+)")
        yield _sentence("openalpr", f"sets/openalpr-{name}/texts", rf"{start}[\d.]+(?: %)? of (\d+)", "count")
    yield _share("openalpr", "sets/openalpr-eu/e2e_folded", r"with O as 0 and I as 1 ([\d.]+)\), US")
    yield _share("openalpr", "sets/openalpr-us/e2e_folded", r"US [\d.]+ of \d+ \(([\d.]+)\), BR")
    for name in ("ar", "asia-web-crops", "cn-lpr", "cn-rare", "eu-web-crops", "tn", "us-web-crops"):
        start = rf"plate crops read exactly.*`{name}` "
        yield _share("reader", f"sets/{name}/exact", rf"{start}([\d.]+)")
        yield _sentence("reader", f"sets/{name}/n", rf"{start}[\d.]+ \((\d+)\)", "count")
    row = r"^\| {} crops \(`alpr eval reader`\) \| {} % \| {} % \| {} %"
    for i, (key, kind) in enumerate(
        [("n", "count"), ("accepted", "accuracy"), ("accepted_wrong", "accuracy"), ("ece", "accuracy")]
    ):
        pattern = row.format(*(f"({n})" if k == i else n for k in range(4)))
        yield _sentence("reader", f"total/{key}", pattern, "count" if kind == "count" else "accuracy", 100 if i else 1)
    row = r"^\| plates found in scenes .*\| {} % \| {} %"
    yield _share("scenes", "total/accepted", row.format(f"({n})", n))
    yield _share("scenes", "total/accepted_wrong", row.format(n, f"({n})"))
    yield _sentence("covered", "total/n", r"of (\d+) Chinese crops with one character hidden", "count")
    for key, pattern in {
        "reported": r"hidden ([\d.]+) % report it", "unsure": r"([\d.]+) % are unsure",
        "other": r"([\d.]+) % have another mistake", "invented": r"and ([\d.]+) % \(\w+\) invent",
    }.items():  # fmt: skip
        yield _share("covered", f"total/{key}", pattern)
    yield _sentence("videos", "total/found", r"FOLDER`: (\d+) legible passages in", "count")
    yield _sentence("videos", "total/rows", r"legible passages in \w+ real videos gave (\d+) rows", "count")


def _speeds() -> Iterator[Figure]:
    """The table of speeds in docs/benchmarks.md."""
    head, detector, reader = "| command | median |", "`alpr bench detector`", "one plate read"
    for measure, key, row, number in (
        ("bench-detector", "int8", detector, 0),
        ("bench-detector", "f32", detector, 1),
        ("bench-detector-m", "int8", detector, 2),
        ("bench-reader", "int8", reader, 0),
        ("bench-reader", "f32", reader, 1),
        *(("bench-stream", key, "`alpr bench stream --video`", i) for i, key in enumerate(_STREAM)),
    ):
        yield Figure(measure, key, Cell(BENCHMARKS, head, row, 1, number), "speed")


def _front() -> Iterator[Figure]:
    """The table of README.md."""
    head = "| | alpr-streamer | fast-alpr |"
    rows = {
        "China (`cn-ccpd`": ("cn-ccpd", "cn-blue", "cn-green"),
        "Europe (`eu`": ("eu", "eu-web"),
        "USA (`us`": ("us", "us-web"),
        "Brazil (`br`": ("br", "latin-web"),
        "(`asia-web`)": ("asia-web",),
    }
    for row, names in rows.items():
        for i, name in enumerate(names):
            yield Figure("scenes", f"sets/{name}/e2e", Cell(README, head, row, 1, i), scale=100)
    yield Figure("scenes", "sets/eu/e2e_folded", Phrase(README, r"both folded we have (\d+) there"), scale=100)
    for i, measure in enumerate(("bench-detector", "bench-reader")):
        yield Figure(measure, "int8", Cell(README, head, "one thread of the same core", 1, i), "speed")


# Key of a card's figures -> the measure that has them; what else a card says of a set is a setting or a size.
_OF_CARDS = {
    ("plate-detector-s", "scenes"): "scenes",
    ("plate-detector-m", "detector"): "scenes-m",
    ("plate-reader", "reader"): "reader",
}
_COUNTS = {"plates", "false", "texts", "n"}


def _cards(root: Path = ROOT) -> Iterator[Figure]:
    for path in sorted((root / "models" / "zoo").glob("*/card.yaml")):
        card = yaml.safe_load(path.read_text(encoding="utf-8"))
        for what, found in (card.get("figures") or {}).items():
            for name, values in found["sets"].items():
                for key, value in values.items():
                    if value is not None:
                        place = CardValue(path.parent.name, ("figures", what, "sets", name, key))
                        kind: Kind = "count" if key in _COUNTS else "accuracy"
                        yield Figure(_OF_CARDS[path.parent.name, what], f"sets/{name}/{key}", place, kind)
