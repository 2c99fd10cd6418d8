"""What is printed of a run at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from streamer.cli.console import notice, warn
from streamer.cli.signals import EXIT_INTERRUPTED, Stop
from streamer.cli.written import written_lines

if TYPE_CHECKING:
    from streamer.sink.base import Sink
    from streamer.types import RunSummary


def reported(work: Callable[[], RunSummary], quiet: bool) -> RunSummary:
    """Does the work; where it fails, what was done until then is told all the same."""
    try:
        return work()
    except Exception as error:
        report(getattr(error, "summary", None), quiet)
        raise


def conclude(summary: RunSummary, stop: Stop, quiet: bool, sinks: Sequence[Sink]) -> None:
    report(summary, quiet)
    for line in () if quiet else written_lines(sinks):
        notice(line)
    if stop.interrupted and quiet:
        raise SystemExit(EXIT_INTERRUPTED)
    if stop.interrupted:
        raise KeyboardInterrupt


def report(summary: RunSummary | None, quiet: bool) -> None:
    """What was done, on stderr: rows on stdout stay clean."""
    if summary is None or quiet:
        return
    for warning in summary.warnings:
        warn(warning)
    rate = summary.frames / summary.seconds if summary.seconds else 0.0
    without = sum(n for reason, n in summary.rejected.items() if reason != "seen too rarely")
    notice(
        f"{summary.passages} passages from {summary.tracks} tracks "
        f"({without} without a sure text), "
        f"{summary.detections} detections and {summary.reads} reads in {summary.frames} frames, "
        f"{summary.seconds:.1f} s ({rate:.0f} frames/s)"
    )
    if without and not summary.passages:
        notice(
            "plates were detected, none was read surely enough for a row: use --ledger FOLDER and alpr explain FOLDER"
        )
