"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

# Keys of the configuration that options of `alpr run` set.
SHORT_FORMS = {
    "start_time": "--start-time",
    "video_track": "--video-track",
    "camera": "--camera",
    "countries": "--country",
    "plates": "--plates",
    "detector": "--detector",
    "reader": "--reader",
    "precision": "--precision",
    "device": "--device",
    "threads": "--threads",
    "min_score": "--min-score",
    "cadence": "--cadence",
    "decode": "--decode",
    "blur": "--blur",
    "vote.rejoin_s": "--rejoin",
    "live.ready": "--ready",
    "web.at": "--web",
}

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class SectionedCommand(click.Command):
    """A command whose --help shows its options under headings. `sections`: the names of the parameters of each; the
    rest is shown under the last one."""

    def __init__(self, *, sections: Mapping[str, Sequence[str]], **rest: Any) -> None:
        super().__init__(**rest)
        self._sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        records = {p.name: record for p in options if (record := p.get_help_record(ctx)) is not None}
        last = list(self._sections)[-1]
        for title, names in self._sections.items():
            shown = [records.pop(name) for name in names if name in records]
            with formatter.section(title):
                formatter.write_dl(shown + (list(records.values()) if title == last else []))


def cadence_option(command: Decorated) -> Decorated:
    """--cadence; None where not given."""
    text = (
        "Run the detector on every frame, or (auto) on fewer while nothing moves or all plates are read. "
        "[default: every]"
    )
    return click.option("--cadence", type=click.Choice(["every", "auto"]), help=text)(command)


def decode_option(command: Decorated) -> Decorated:
    """--decode; None where not given."""
    text = (
        "Decode video on the CPU, on one kind of hardware, or (auto) on the first kind that works; on the CPU where "
        "that is not possible. [default: cpu]"
    )
    kinds = click.Choice(["cpu", "auto", "vaapi", "qsv", "cuda", "videotoolbox"])
    return click.option("--decode", type=kinds, help=text)(command)


def video_track_option(command: Decorated) -> Decorated:
    """--video-track; None where not given."""
    text = (
        "Video track to read of a file with several, counted from 1. [default: the one marked as default, or the first]"
    )
    return click.option("--video-track", type=click.IntRange(min=1), metavar="N", help=text)(command)


def blur_option(command: Decorated) -> Decorated:
    """--blur; None where not given."""
    text = (
        "Make all plates unreadable in videos and pictures, or those that no list of --watch reports (others). Rows "
        "keep their texts. [default: none]"
    )
    return click.option("--blur", type=click.Choice(["none", "plates", "others"]), help=text)(command)


def set_option(command: Decorated) -> Decorated:
    """--set, as `sets`."""
    text = "Set any key of the configuration, like vote.min_reads=3 or cameras.gate.cadence=auto. May be repeated."
    return click.option("--set", "sets", metavar="KEY=VALUE", multiple=True, help=text)(command)


def output_option(command: Decorated) -> Decorated:
    """--output, as `outputs`."""
    text = (
        "Write to an output of any type, also of an installed package: TYPE:PATH, or an entry of outputs with its "
        "settings, like '{type: jsonl, path: p.jsonl, fsync: never}'. May be repeated."
    )
    return click.option("--output", "outputs", metavar="TYPE:PATH", multiple=True, help=text)(command)


def country_option(command: Decorated) -> Decorated:
    """--country, as `countries`."""
    text = (
        "Countries whose plates are expected (DE, BR, or several as DE,AT); their formats become more likely. "
        "May be repeated."
    )
    return click.option("--country", "countries", metavar="CODE", multiple=True, help=text)(command)


def plates_option(command: Decorated) -> Decorated:
    """--plates; None where not given."""
    text = (
        "Folder with layout files of more countries for --country; a country of the program that is in it is replaced. "
        "[default: the program's countries alone]"
    )
    return click.option("--plates", metavar="FOLDER", help=text)(command)


def watch_option(command: Decorated) -> Decorated:
    """--watch, as `watch_paths`."""
    text = (
        "Report passages of the plates on this list (.csv, .txt, .yaml), compared by likelihood; beside the lists of "
        "--config. May be repeated."
    )
    return click.option("--watch", "watch_paths", metavar="FILE", multiple=True, help=text)(command)


def log_options(command: Decorated) -> Decorated:
    """--log-level (None where not given) and --log-format."""
    for option in (
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Write log lines to standard error as text, or as one JSON object per line.",
        ),
        click.option(
            "--log-level",
            type=click.Choice(["debug", "info", "warning", "error"]),
            help="Lowest level of the log lines that are written. [default: info]",
        ),
    ):
        command = option(command)
    return command


def model_options(command: Decorated) -> Decorated:
    """--detector, --reader, --precision, --device, --threads, --min-score of verbs that read videos; None where not
    given."""
    return _model_options(
        command,
        threads="Maximum number of threads for decoding, for the networks and for encoding, each. "
        "[default: all cores that this process may use]",
        min_score="Detections with a score below this, between 0 and 1, do not begin a track; down to half of it "
        "(track.low_score) they may continue one. [default: by the detector's card]",
    )


def archive_model_options(command: Decorated) -> Decorated:
    """As `model_options`, for processes of which each has cores of its own."""
    return _model_options(
        command,
        threads="Cores of each process, which it keeps to: for decoding and the networks together. [default: 1]",
        min_score="Detections with a score below this, between 0 and 1, do not begin a track. [default: by the "
        "detector's card]",
    )


def picture_model_options(command: Decorated) -> Decorated:
    """As `model_options`, for pictures: nothing is tracked or encoded."""
    return _model_options(
        command,
        threads="Maximum number of threads for the networks and for OpenCV, each. "
        "[default: all cores that this process may use]",
        min_score="Ignore detections with a score below this, between 0 and 1. [default: by the detector's card]",
    )


def _model_options(command: Decorated, *, threads: str, min_score: str) -> Decorated:
    for option in reversed(
        [
            click.option(
                "--detector",
                metavar="NAME|XML",
                help="Detector to use: a name in models/zoo or the path of an .xml. [default: plate-detector-s]",
            ),
            click.option(
                "--reader",
                metavar="NAME|XML",
                help="Reader to use: a name in models/zoo or the path of an .xml. [default: plate-reader]",
            ),
            click.option(
                "--precision",
                type=click.Choice(["auto", "int8", "bf16", "f32"]),
                help="Number format of the networks; auto: int8 where the processor supports it well, else f32. "
                "[default: auto]",
            ),
            click.option(
                "--device",
                type=click.Choice(["CPU", "GPU", "NPU", "AUTO"], case_sensitive=False),
                help="Run the networks on this device of OpenVINO's; on the CPU where it is not there. [default: CPU]",
            ),
            click.option(
                "--threads",
                type=click.IntRange(min=1),
                metavar="CORES",
                help=threads,
            ),
            click.option(
                "--min-score",
                type=click.FloatRange(0, 1, min_open=True, max_open=True),
                metavar="SHARE",
                help=min_score,
            ),
        ]
    ):
        command = option(command)
    return command
