"""`alpr watch`: lists of plates checked, tried on kept passages, and fitted to traffic."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamer.cli.console import ascii_only, print_line, warn
from streamer.errors import ConfigError, one_line

if TYPE_CHECKING:
    from streamer.types import Passage
    from streamer.watch.traffic import Traffic
    from streamer.watch.trial import Trial

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_SHORT_S = 24 * 3600.0  # of less than a day a week's traffic is a guess
_FEW = 200  # passages: fewer say little of a traffic


@click.group()
def watch() -> None:
    """Check lists of plates, try a plate on kept passages, fit thresholds to traffic."""


def _passages(command: Decorated) -> Decorated:
    for option in (
        click.option(
            "--store", "stores", metavar="URL", multiple=True, help="Take the passages of this store. May be repeated."
        ),
        click.option(
            "--jsonl",
            metavar="FILE",
            multiple=True,
            help="Take the rows of this file of alpr run --jsonl, which have alternatives but no distributions. May be "
            "repeated.",
        ),
        click.option(
            "--recording",
            "recordings",
            metavar="FILE",
            multiple=True,
            help="Take the passages of this file of alpr run --record. May be repeated.",
        ),
    ):
        command = option(command)
    return command


def _traffic_option(command: Decorated) -> Decorated:
    text = "Passages a week. [default: counted from their times]"
    return click.option("--traffic", type=click.FloatRange(0, min_open=True), metavar="N", help=text)(command)


@watch.command()
@click.argument("lists", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(lists: tuple[Path, ...]) -> None:
    """Check LISTS, files of plates (.csv, .txt, .yaml): every fault with its line, key and remedy, what is there twice,
    what the reader cannot read, and what holds no more. Exit code 2 where there is a fault.
    """
    from datetime import UTC, datetime

    from streamer.engine.zoo import config_folder
    from streamer.plates.alphabet import Alphabet
    from streamer.watch.lists import read_list

    symbols = set(Alphabet.load(config_folder() / "plates" / "alphabet.yaml").symbols)
    faults: list[str] = []
    for path in lists:
        try:
            plates = read_list(path)
        except ConfigError as error:
            faults += error.messages
            continue
        for warning in plates.warnings:
            warn(warning)
        for entry in plates.entries:
            if foreign := sorted(set(entry.text) - symbols):
                warn(f"{path}:{entry.line}: plate: {entry.plate!r}: the reader never reads {' '.join(foreign)}")
        patterns = sum(entry.pattern is not None for entry in plates.entries)
        now = datetime.now(UTC)
        ended = sum(entry.valid_until is not None and entry.valid_until <= now for entry in plates.entries)
        parts = [f"{len(plates.entries) - patterns} plates", f"{patterns} patterns", f"{len(plates.warnings)} left out"]
        print_line(f"{path}: valid: {', '.join([*parts, f'{ended} hold no more'])}")
    if faults:
        raise ConfigError(*faults)


@watch.command()
@_passages
@_traffic_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="Write the calibration to this file (JSON).",
)
def fit(
    recordings: tuple[str, ...], jsonl: tuple[str, ...], stores: tuple[str, ...], traffic: float | None, out: Path
) -> None:
    """Fit the thresholds of mode likelihood to the traffic of kept passages.

    Prints the threshold, and how much of the evidence for its own plate a passage may lack, for lists of some lengths
    at one false alert a week.
    """
    from streamer.cli.watch_passages import kept
    from streamer.watch.calibration import write_calibration

    found = kept(recordings, jsonl, stores)
    fitted = _fitted(found.passages, traffic, found.where)
    write_calibration(out, fitted)
    print_line(f"{out}: fitted to {fitted.passages} passages, {fitted.per_week:.0f} a week")
    for plates in (1, 100, 10_000):
        threshold = fitted.threshold(plates, 1.0)
        shown = "only exact texts" if math.isinf(threshold) else f"threshold {threshold:.1f}"
        print_line(f"  plates on the list {plates}, 1 false alert a week: {shown}")


@watch.command()
@click.argument("plate")
@_passages
@_traffic_option
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take thresholds from this file of alpr watch fit. [default: fitted to the passages]",
)
@click.option(
    "--max-false-per-week",
    "budget",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="N",
    help="False alerts a week that the list may give.",
)
@click.option(
    "--plates",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of plates on the list that it would be on.",
)
@click.option("--near", is_flag=True, help="Show the likeliest passages too that no mode matches, up to --limit.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    metavar="N",
    help="Print at most so many passages.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per passage and line.")
def test(
    plate: str,
    recordings: tuple[str, ...],
    jsonl: tuple[str, ...],
    stores: tuple[str, ...],
    traffic: float | None,
    calibration: Path | None,
    budget: float,
    plates: int,
    near: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Show which kept passages PLATE would have matched, in which mode, and why.

    PLATE is written as in a list: with * and ? it is a pattern, between slashes a regular expression.
    """
    from streamer.cli.watch_passages import kept
    from streamer.watch.calibration import read_calibration
    from streamer.watch.lists import read_plate
    from streamer.watch.trial import MODES, Trials

    entry = read_plate(plate)
    found = kept(recordings, jsonl, stores)
    if calibration is None:
        weekly = _fitted(found.passages, traffic, found.where)
    else:
        weekly = read_calibration(calibration)
    trials = Trials(entry, weekly, plates, budget)
    every = list(trials.of(found.passages))
    every.sort(key=lambda one: (-len(one.found), -(one.score if one.score is not None else 0.0)))
    matching = [one for one in every if one.found]
    for one in (every if near else matching)[:limit]:
        print_line(_as_json(one) if as_json else _as_line(one))
    if as_json:
        return
    counts = ", ".join(f"{mode} {sum(mode in one.found for one in every)}" for mode in MODES)
    shown = "none, only exact texts" if math.isinf(trials.threshold) else f"{trials.threshold:.1f}"
    left = f", {len(matching) - limit} of them not shown" if len(matching) > limit else ""
    print_line(f"{len(every)} passages, {len(matching)} match{left}: {counts}")
    print_line(
        f"threshold of likelihood: {shown} (plates on the list {plates}, a week {budget:g} false alerts, "
        f"{weekly.per_week:.0f} passages)"
    )


def _fitted(passages: Any, traffic: float | None, where: str) -> Traffic:
    from streamer.errors import InputError
    from streamer.watch.history import span_of
    from streamer.watch.traffic import PER_WEEK, fit

    if not passages:
        raise InputError(f"{where}: no final passage in it: nothing to compare with")
    span = span_of(passages)
    counted = traffic or span.per_week(len(passages))
    if traffic is None:
        if counted is None:
            warn(f"{where}: the passages have no times: {PER_WEEK:.0f} a week are assumed, give --traffic N")
        elif span.seconds < _SHORT_S:
            warn(f"{where}: {span.seconds / 3600:.1f} hours: passages a week are a rough guess, give --traffic N")
    if len(passages) < _FEW:
        warn(f"{where}: {len(passages)} passages say little of a traffic: thresholds are rough")
    return fit(passages, counted or PER_WEEK)


def _as_line(trial: Trial) -> str:
    passage = trial.passage
    patterns = {found.how for found in trial.found.values()} == {"pattern"}
    how = "pattern" if patterns else " ".join(trial.found) or "-"
    return one_line("  ".join([_when(passage), passage.camera, passage.plate, f"[{how}]", _why(trial)]))


def _why(trial: Trial) -> str:
    return trial.why or next((found.why for found in trial.found.values()), "")


def _as_json(trial: Trial) -> str:
    passage = trial.passage
    record = {
        "event_id": passage.event_id,
        "camera": passage.camera,
        "first_seen": None if passage.first_seen is None else passage.first_seen.isoformat(),
        "first_s": round(passage.first_s, 3),
        "plate": passage.plate,
        "confidence": round(passage.confidence, 4),
        "matches": {mode: found.why for mode, found in trial.found.items()},
        "score": None if trial.score is None else round(trial.score, 2),
    }
    return json.dumps(record, ensure_ascii=ascii_only())


def _when(passage: Passage) -> str:
    seen = passage.first_seen
    return f"{passage.first_s:.2f} s" if seen is None else seen.isoformat(timespec="seconds")
