"""`alpr eval`: measures on a labelled data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

import click

from streamer.cli.options import plates_option

if TYPE_CHECKING:
    from rich.console import Console

    from streamer.types import Reading
    from train.data.ccpd import Protocol
    from train.data.manifest import Sample
    from train.evaluate.report import Failures, Report
    from train.evaluate.run import CropReader

_PIPE_WIDTH = 160

F = TypeVar("F", bound=Callable[..., object])
Decorator = Callable[[Any], Any]


class MeasureOptions(TypedDict):
    """The values of `_OPTIONS` but DATA and --split, as click passes them."""

    json_file: Path | None
    sheets: Path | None
    card: str | None
    limit: int | None
    detector: str | None
    refiner: str | None
    reader: str | None
    precision: str | None


_OPTIONS: tuple[Decorator, ...] = (
    click.argument("data"),
    click.option(
        "--split",
        type=click.Choice(["dev", "validation"]),
        default="dev",
        show_default=True,
        help="Measure on this part of the data: dev, or the part of the training data that is held out.",
    ),
    click.option(
        "--json",
        "json_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write all figures as JSON to this file.",
    ),
    click.option(
        "--sheets",
        type=click.Path(path_type=Path, file_okay=False),
        help="Write contact sheets of the failures to this folder.",
    ),
    click.option("--card", metavar="MODEL", help="Write the figures into card.yaml of this model in models/zoo."),
    click.option(
        "--limit", type=click.IntRange(min=1), help="Measure on at most this many pictures of each set, or videos."
    ),
    click.option("--detector", metavar="MODEL", help="Detector: a name in models/zoo, or a path to an .xml."),
    click.option(
        "--refiner",
        metavar="MODEL",
        help="Refiner: a name in models/zoo, a path to an .xml, or none. [default: the one of the detector's card]",
    ),
    click.option("--reader", metavar="MODEL", help="Reader: a name in models/zoo, or a path to an .xml."),
    click.option(
        "--precision", type=click.Choice(["auto", "int8", "bf16", "f32"]), help="Run the networks in this precision."
    ),
)
_PLOTS = click.option(
    "--plots",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write plots to this folder: confidence against accuracy (all, and by group of countries), and confusions.",
)
_ERRORS = (
    click.option(
        "--errors",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write errors by kind, country, rows and length, and confusions by position, as JSON to this file.",
    ),
    click.option("--show-errors", is_flag=True, help="Print errors by kind, and the most frequent confusions."),
)
_PROTOCOL = click.option(
    "--protocol",
    type=click.Choice(["2019", "seed"]),
    default="2019",
    show_default=True,
    help="Split ccpd:DIR by its own lists (2019), or into Base, Weather and Challenge (seed).",
)


def _with_options(*more: Decorator) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed((*_OPTIONS, *more)):
            command = option(command)
        return command

    return decorate


@click.group()
def evaluate() -> None:
    """Measure models on labelled data.

    DATA is a folder with a manifest, a CSV file of crops, ccpd:DIR for CCPD as downloaded, or openalpr:DIR for
    openalpr/benchmarks as cloned.
    """


@evaluate.command()
@_with_options(_PROTOCOL)
def detector(data: str, split: str, protocol: Protocol, **options: Unpack[MeasureOptions]) -> None:
    """Measure the detector on pictures: AP, recall, precision, corners."""
    _pictures(data, split, protocol, False, **options)


@evaluate.command()
@_with_options(_PROTOCOL, _PLOTS, *_ERRORS)
def scenes(
    data: str,
    split: str,
    protocol: Protocol,
    plots: Path | None,
    errors: Path | None,
    show_errors: bool,
    **options: Unpack[MeasureOptions],
) -> None:
    """Measure detector and reader together on pictures, end to end."""
    report = _pictures(data, split, protocol, True, **options)
    _plot(report, plots)
    _report_errors(report, errors, show_errors)


@evaluate.command()
@_with_options(
    _PROTOCOL,
    _PLOTS,
    *_ERRORS,
    click.option("--weights", help="Measure this weights.pt of a reader in PyTorch, instead of an exported model."),
    click.option(
        "--with-scenes", is_flag=True, help="Also read the plates of whole pictures, cropped by their labelled boxes."
    ),
    click.option(
        "--known-country",
        is_flag=True,
        help="Read each crop with the plate formats of its country, as alpr run --country does.",
    ),
    plates_option,
)
def reader(
    data: str,
    split: str,
    protocol: Protocol,
    json_file: Path | None,
    sheets: Path | None,
    card: str | None,
    limit: int | None,
    plots: Path | None,
    errors: Path | None,
    show_errors: bool,
    weights: str | None,
    known_country: bool,
    plates: str | None,
    with_scenes: bool,
    **models: str | None,
) -> None:
    """Measure the reader on crops of plates."""
    from streamer import PlateReader
    from streamer.engine.zoo import plate_folders
    from streamer.errors import ConfigError
    from streamer.plates.countries import check_countries
    from train.evaluate.known_country import in_their_country
    from train.evaluate.run import evaluate_crops

    if plates and not known_country:
        raise ConfigError("--plates is for --known-country: give both")
    folders = plate_folders(plates)
    check_countries((), folders)

    samples = _samples(data, split, protocol, None, limit)
    failures, chosen = _failures(sheets), _given(models)
    flags = {"known_country": known_country, "with_scenes": with_scenes}
    if weights:
        if chosen or card:
            raise ConfigError("--weights measures in PyTorch: leave out --card and the options of exported models")
        from train.evaluate.torch_reader import TorchReader
        from train.loop.weights import weights_path

        source: CropReader[Reading] = TorchReader(weights_path(weights))
        chosen = {"weights": weights}
    else:
        source = PlateReader(**chosen)
    report = evaluate_crops(
        samples,
        source,
        data=data,
        split=split,
        failures=failures,
        options=_noted(chosen, limit, protocol) | {k: True for k, given in flags.items() if given},
        correct=partial(in_their_country, folders=folders) if known_country else None,
        with_scenes=with_scenes,
    )
    _show(report, json_file, sheets, failures, card)
    _plot(report, plots)
    _report_errors(report, errors, show_errors)


@evaluate.command()
@_with_options()
def covered(
    data: str,
    split: str,
    json_file: Path | None,
    sheets: Path | None,
    card: str | None,
    limit: int | None,
    **models: str | None,
) -> None:
    """Measure how the reader reports a hidden character.

    One character of each Chinese crop is covered: `?` in its place is right, another character is invented.
    """
    from streamer import PlateReader
    from train.evaluate.covered import evaluate_covered

    samples = _samples(data, split, "2019", ("crop",), limit)
    failures, chosen = _failures(sheets), _given(models)
    report = evaluate_covered(
        samples,
        PlateReader(**chosen),
        data=data,
        split=split,
        failures=failures,
        options=_noted(chosen, limit, None),
    )
    _show(report, json_file, sheets, failures, card)


@evaluate.command()
@_with_options()
def videos(
    data: str,
    split: str,
    json_file: Path | None,
    sheets: Path | None,
    card: str | None,
    limit: int | None,
    **models: str | None,
) -> None:
    """Measure the rows of `alpr run` on labelled videos."""
    from streamer.errors import ConfigError
    from train.evaluate.run import evaluate_videos, read_videos, run_video

    if data.startswith(("ccpd:", "openalpr:")):
        name = "CCPD" if data.startswith("ccpd:") else "openalpr's benchmark"
        raise ConfigError(f"{data}: {name} holds no videos; name a data folder with video/videos.jsonl")
    found = read_videos(Path(data), split)[:limit]
    if not found:
        raise ConfigError(f"{data}: no video of the split {split}; videos are in dev")
    failures, chosen = _failures(sheets), _given(models)
    report = evaluate_videos(
        found,
        lambda path: run_video(path, chosen),
        data=data,
        split=split,
        failures=failures,
        options=_noted(chosen, limit, None),
    )
    _show(report, json_file, sheets, failures, card)
    for name in ("recall", "precision"):
        interval = report.total[f"{name}_interval"]
        if interval is not None:
            low, high = interval
            click.echo(
                f"{name}: {100 * report.total[name]:.1f} % ({100 * low:.1f} to {100 * high:.1f}, 95 % bootstrap)"
            )


@evaluate.command()
@click.argument("data")
@click.option(
    "--split",
    type=click.Choice(["dev", "validation"]),
    default="dev",
    show_default=True,
    help="Measure on this part of the data.",
)
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/recordings"),
    show_default=True,
    help="Keep detections and readings in this folder; a second call starts from them.",
)
@click.option("--detector", metavar="MODEL", help="Detector: a name in models/zoo, or a path to an .xml.")
@click.option("--reader", metavar="MODEL", help="Reader: a name in models/zoo, or a path to an .xml.")
@click.option(
    "--plots",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write plots of confidence against accuracy (all rows, and by group of countries) to this folder.",
)
def votes(data: str, split: str, recordings: Path, plots: Path | None, **models: str | None) -> None:
    """Compare the rules that make one text of a track's readings.

    The rules: the one in use, majority, highest confidence, largest plate. Every detection of every track in the
    labelled videos is read, so that all vote on the same readings.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from streamer.config.models import RunConfig
    from train.evaluate.run import read_videos
    from train.evaluate.votes import compare, identities, interval, record

    found = read_videos(Path(data), split)
    recordings.mkdir(parents=True, exist_ok=True)
    kept = record(found, recordings, RunConfig().with_options(**models))
    confidences = (0.0, 0.5, 0.8)
    outcomes = compare(found, kept, confidences, lambda name: click.echo(f"voting: {name}", err=True))
    table = Table(
        title=f"{next(iter(outcomes.values()))[0.0].passages} passages of {len(found)} videos", box=SIMPLE_HEAD
    )
    for heading in ("rule", "confidence", "right %", "fused is ahead by (95 %)", "rows", "wrong"):
        table.add_column(heading)
    for name, by_confidence in outcomes.items():
        for c, outcome in by_confidence.items():
            low, high = interval(outcomes["fused"][c], outcome)
            ahead = "-" if name == "fused" else f"{100 * low:+.1f} to {100 * high:+.1f}"
            figures = (f"{100 * outcome.accuracy:.1f}", ahead, str(outcome.rows), str(outcome.wrong))
            table.add_row(name, f"{c:.1f}", *figures)
    _console().print(table)
    if plots is not None:
        from train.evaluate.certainty import plot_groups, plot_reliability
        from train.evaluate.report import print_calibration

        fused = outcomes["fused"][0.0]
        plot_reliability(fused.sure, plots / "events.png")
        files = [plots / "events.png", *plot_groups(fused.regions, plots, "events")]
        print_calibration(fused.regions, _console())
        click.echo(f"plots: {', '.join(map(str, files))}")
    kept_to = identities(found, kept)
    if kept_to.frames:
        click.echo(
            f"tracks: {kept_to.switches} identity switches and {kept_to.fragments} fragmentations over "
            f"{kept_to.passages} passages with boxes, on the plate in {100 * kept_to.covered / kept_to.frames:.1f} % "
            "of the legible frames"
        )


def _pictures(
    data: str,
    split: str,
    protocol: Protocol,
    read: bool,
    json_file: Path | None,
    sheets: Path | None,
    card: str | None,
    limit: int | None,
    **models: str | None,
) -> Report:
    from streamer import PlateReader
    from train.evaluate.run import LOWEST_SCORE, evaluate_scenes

    samples = _samples(data, split, protocol, ("scene", "background"), limit)
    failures, chosen = _failures(sheets), _given(models)
    report = evaluate_scenes(
        samples,
        PlateReader(min_score=LOWEST_SCORE, thorough=read, **chosen),  # the detector is measured by one look
        PlateReader(**chosen).min_score,
        read=read,
        data=data,
        split=split,
        failures=failures,
        options=_noted(chosen, limit, protocol),
    )
    _show(report, json_file, sheets, failures, card)
    return report


def _plot(report: Report, folder: Path | None) -> None:
    if folder is not None:
        from train.evaluate.report import print_calibration

        print_calibration(report.regions(), _console())
        click.echo(f"plots: {', '.join(map(str, report.plot(folder)))}")


def _report_errors(report: Report, file: Path | None, show: bool) -> None:
    from train.evaluate.errors import error_figures, print_errors, write_errors

    if file is None and not show:
        return
    figures = error_figures(report.readings)
    if show:
        print_errors(figures, _console())
    if file is not None:
        write_errors(figures, file)
        click.echo(f"errors: {file}")


def _samples(
    data: str, split: str, protocol: Protocol, kinds: tuple[str, ...] | None, limit: int | None
) -> list[Sample]:
    from streamer.errors import InputError
    from train.data.open import open_dataset
    from train.evaluate.run import limited

    if data.lower().endswith(".csv") and split == "dev":
        from models.reader.network import ReaderSize
        from streamer.plates.alphabet import Alphabet
        from train.data.crops_csv import read_measured
        from train.loop.config import ALPHABET

        if kinds is not None and "crop" not in kinds:
            raise InputError(f"{data}: a list of crops, which holds no whole pictures; measure it by alpr eval reader")
        return limited(read_measured(Path(data), Alphabet.load(ALPHABET), ReaderSize().slots - 1), limit)
    samples = [s for s in open_dataset(data, split, protocol=protocol) if kinds is None or s.kind in kinds]
    if not samples:
        raise InputError(f"{data}: holds no picture of the split {split} to measure on; choose another --split")
    return limited(samples, limit)


def _given(options: Mapping[str, object]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _noted(chosen: dict[str, Any], limit: int | None, protocol: str | None) -> dict[str, Any]:
    return _given({**chosen, "limit": limit, "protocol": protocol})


def _failures(sheets: Path | None) -> Failures | None:
    from train.evaluate.report import Failures

    return Failures() if sheets else None


def _console() -> Console:
    """A file or a pipe has no width of its own: wide enough for every column."""
    from streamer.cli.console import table_console

    console: Console = table_console(_PIPE_WIDTH)
    return console


def _show(
    report: Report, json_file: Path | None, sheets: Path | None, failures: Failures | None, card: str | None
) -> None:
    report.print(_console())
    if json_file:
        report.write_json(json_file)
        click.echo(f"figures: {json_file}")
    if card:
        from streamer.engine.zoo import zoo_folder

        report.note_in(zoo_folder() / card / "card.yaml")
    if sheets and failures is not None:
        written = failures.write(sheets)
        click.echo(f"sheets: {len(written)} in {sheets}" if written else "sheets: none, nothing failed")


@evaluate.command()
@click.argument("samples", type=click.Path(path_type=Path))
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("out/soak.png"),
    show_default=True,
    help="Write the plot to this file.",
)
@click.option(
    "--warm-minutes",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Leave out this many minutes at the start.",
)
def soak(samples: Path, plot: Path, warm_minutes: float) -> None:
    """Plot the samples of a soak test, and print the growth of memory.

    SAMPLES is the CSV that `alpr soak --samples` wrote.
    """
    from train.figures.soak import plot_soak, read_samples

    found = plot_soak(read_samples(samples), 60 * warm_minutes, plot)
    if found is None:
        click.echo("too few samples after --warm-minutes for a slope")
    else:
        click.echo(f"memory {found.slope:+.2f} MB an hour (95 %: from {found.low:+.2f}, at most {found.high:+.2f})")
    click.echo(f"{plot}")


@evaluate.command()
@click.option(
    "--drawn", "count", type=click.IntRange(1), default=1500, show_default=True, help="Number of drawn plates."
)
@click.option("--data", multiple=True, help="Folder of labelled videos, as for alpr eval votes. May be repeated.")
@click.option(
    "--recordings",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with the recordings of the videos in the --data at the same place; made where they are missing.",
)
@click.option("--weeks", "week_count", type=click.IntRange(0), default=4, show_default=True, help="Weeks of traffic.")
@click.option("--traffic", type=click.IntRange(1), default=10_000, show_default=True, help="Passages a week.")
@click.option("--listed", type=click.IntRange(1), default=500, show_default=True, help="Number of plates on the list.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the drawing.")
def watchlists(
    count: int,
    data: tuple[str, ...],
    recordings: tuple[Path, ...],
    week_count: int,
    traffic: int,
    listed: int,
    seed: int,
) -> None:
    """Compare the modes of lists of plates: listed vehicles found, and others taken for them.

    On drawn plates seen from afar, on recorded videos, and over weeks of traffic whose places were read as those of the
    drawn plates.
    """
    from streamer.errors import ConfigError
    from train.evaluate.report_watchlists import print_rates, print_weeks
    from train.evaluate.run import read_videos
    from train.evaluate.watchlists import drawn, recorded, recordings_of, weeks

    if len(data) != len(recordings):
        raise ConfigError("--recordings: expected one folder for each --data")
    pairs = drawn(count, seed)
    print_rates(_console(), "drawn plates", pairs)
    on_video = []
    for folder, kept in zip(data, recordings, strict=True):
        videos = read_videos(Path(folder), "dev")
        on_video += recorded(videos, recordings_of(videos, kept))
    if on_video:
        print_rates(_console(), "recorded videos", on_video)
    if week_count:
        found = weeks(
            pairs,
            seed=seed,
            count=week_count,
            per_week=traffic,
            listed=listed,
            budgets=(1.0, 5.0, 20.0),
            progress=lambda line: click.echo(line, err=True),
        )
        title = f"{week_count} weeks, {traffic} passages a week, {listed} plates on the list"
        print_weeks(_console(), title, found)
