"""`alpr fleet`: cameras over many nodes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from streamer.cli.console import print_line


@click.group(invoke_without_command=True)
@click.pass_context
def fleet(context: click.Context) -> None:
    """Read the cameras of a configuration on many nodes."""
    if context.invoked_subcommand is None:
        raise click.UsageError("a command is missing")


@fleet.command()
@click.option("--cameras", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="Number of cameras.")
@click.option("--nodes", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Number of nodes.")
@click.option("--cores", type=click.FloatRange(0.1), default=4.0, show_default=True, help="Cores of a node.")
@click.option("--hours", type=click.FloatRange(0.1, 24 * 31), default=24.0, show_default=True, help="Time to simulate.")
@click.option(
    "--failures", type=click.FloatRange(0), default=0.5, show_default=True, help="Failures of a node in a day."
)
@click.option(
    "--cost", type=click.FloatRange(0.01, 4), default=0.45, show_default=True,
    help="Cores of a camera at the busiest time, the median of all.",
)  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything that is left to chance.")
@click.option("--json", "path", type=click.Path(path_type=Path), metavar="FILE", help="Write what happened, over time.")
def simulate(
    cameras: int, nodes: int, cores: float, hours: float, failures: float, cost: float, seed: int, path: Path | None
) -> None:
    """Simulate a fleet with failing nodes: no camera, no network, the supervisor's own decisions."""
    from streamer.cluster.fleet.simulate import Scenario, Simulation
    from streamer.errors import OutputError

    scenario = Scenario(cameras=cameras, nodes=nodes, cores=cores, hours=hours, failures=failures, cost=cost, seed=seed)
    outcome = Simulation(scenario).run()
    for name, value in outcome.summary().items():
        for key, one in value.items() if isinstance(value, dict) else [("", value)]:
            print_line(f"{name.replace('_', ' ')}{': ' if key else ''}{key}: {one}")
    if path is not None:
        try:
            path.write_text(json.dumps(outcome.series()) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}): give another path", at=path) from None
