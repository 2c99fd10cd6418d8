"""`alpr doctor --camera`: the report on how fit a camera is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streamer.cli.console import notice, print_line
from streamer.cli.signals import Stop

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.fit.verdict import Fit

_MARKS = {"ok": ("ok", "green"), "weak": ("??", "yellow"), "bad": ("!!", "red")}


def report_fit(address: str, seconds: float, config: RunConfig) -> bool:
    """Measures the camera, prints the report, and returns whether it is fit. AlprError where it cannot be read."""
    from streamer.config.urls import redact
    from streamer.fit.measure import measured
    from streamer.fit.verdict import judged
    from streamer.source.resolve import open_source

    source = open_source(address, live=config.live)[0]
    if source.live:
        notice(f"measuring {redact(source.name)} for {seconds:.0f} s; vehicles should pass meanwhile")
    stop = Stop()
    with stop.on_signals():
        measures = measured(source, seconds, stop.event, config)
    if stop.interrupted and not measures.frames:
        raise click.Abort
    fit = judged(measures)
    for line in lines_of(fit):
        print_line(line)
    for warning in measures.warnings:
        print_line(f"    {warning}")
    return fit.is_fit


def lines_of(fit: Fit) -> list[str]:
    """The report, line by line."""
    lines = []
    for finding in fit.findings:
        mark, colour = _MARKS[finding.level]
        lines.append(f"{click.style(mark, fg=colour)}  {finding.what}: {finding.found}")
    lines.append(f"    verdict: {fit.verdict}")
    if fit.change:
        lines.append(f"    change first: {fit.change}")
    return lines
