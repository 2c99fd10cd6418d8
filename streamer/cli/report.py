"""The summary printed at the end of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from streamer.cli.console import notice, warn
from streamer.cli.signals import EXIT_INTERRUPTED, Stop
from streamer.cli.written import written_lines

if TYPE_CHECKING:
    from streamer.sink.sink import Sink
    from streamer.types import RunSummary


def reported(work: Callable[[], RunSummary], quiet: bool) -> RunSummary:
    """Calls `work`; where it fails, prints the summary so far before the error is raised."""
    try:
        return work()
    except Exception as error:
        report(getattr(error, "summary", None), quiet)
        raise


def conclude(summary: RunSummary, stop: Stop, quiet: bool, sinks: Sequence[Sink]) -> None:
    """As `finished`; exits with 130 where the run was interrupted."""
    finished(summary, quiet, sinks)
    if stop.interrupted and quiet:
        raise SystemExit(EXIT_INTERRUPTED)
    if stop.interrupted:
        raise KeyboardInterrupt


def finished(summary: RunSummary, quiet: bool, sinks: Sequence[Sink]) -> None:
    """Prints the summary and what was written."""
    report(summary, quiet)
    for line in () if quiet else written_lines(sinks):
        notice(line)


def report(summary: RunSummary | None, quiet: bool) -> None:
    """Prints the summary on standard error; standard output has rows only."""
    if summary is None or quiet:
        return
    for warning in summary.warnings:
        warn(warning)
    rate = summary.frames / summary.seconds if summary.seconds else 0.0
    without = sum(n for reason, n in summary.rejected.items() if reason != "seen too rarely")
    notice(
        f"{summary.passages} passages from {summary.tracks} tracks "
        f"({without} without a row), "
        f"{summary.detections} detections and {summary.reads} reads in {summary.frames} frames, "
        f"{summary.seconds:.1f} s ({rate:.0f} frames/s)"
    )
    if summary.watch_hits:
        notice(
            "rows reported by lists of plates: " + ", ".join(f"{k} {n}" for k, n in sorted(summary.watch_hits.items()))
        )
    if without and not summary.passages:
        notice(
            "plates were detected, none was read with enough confidence for a row: use --ledger FOLDER and "
            "alpr explain FOLDER"
        )
