"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def cadence_option(command: Decorated) -> Decorated:
    """--cadence; None where not given."""
    text = "Look at every frame, or (auto) at fewer where nothing moves or all plates are told."
    return click.option("--cadence", type=click.Choice(["every", "auto"]), help=text)(command)


def country_option(command: Decorated) -> Decorated:
    """--country, as `countries`."""
    text = "Whose plates to expect (DE, BR ...): what looks like theirs is likelier. May be given several times."
    return click.option("--country", "countries", metavar="CODE", multiple=True, help=text)(command)


def model_options(command: Decorated) -> Decorated:
    """--detector, --reader, --precision, --threads, --min-score; None where not given."""
    for option in reversed(
        [
            click.option("--detector", metavar="NAME|XML", help="Detector: a name in the zoo or a path."),
            click.option("--reader", metavar="NAME|XML", help="Reader: a name in the zoo or a path."),
            click.option("--precision", type=click.Choice(["auto", "int8", "bf16", "f32"]), help="Number format."),
            click.option("--threads", type=click.IntRange(min=1), help="Cores to use."),
            click.option(
                "--min-score", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Detection threshold."
            ),
        ]
    ):
        command = option(command)
    return command
