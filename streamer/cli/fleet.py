"""`alpr fleet`: cameras over many nodes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from streamer.cli.console import print_line, start_log
from streamer.cli.options import log_options, set_option
from streamer.errors import ConfigError

if TYPE_CHECKING:
    from streamer.cluster.fleet.engine import Engine
    from streamer.config.fleet import FleetConfig
    from streamer.store.leases import Leases, Node

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_OLD_S = 10.0  # a supervisor that wrote nothing for so long has ended, or the store was away


def _config_option(command: Decorated) -> Decorated:
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Cameras, the output store, and the section fleet (docs/how-to/cluster.md).",
    )(command)


@click.group(invoke_without_command=True)
@_config_option
@click.option(
    "--address",
    default="local",
    show_default=True,
    metavar="auto|local|HOST:PORT",
    help="Where cameras are read: on this machine (local), on the Ray cluster that this machine belongs to (auto), or "
    "on the one with that head node.",
)
@set_option
@click.option(
    "--metrics", metavar="[HOST:]PORT", help="Serve /metrics (Prometheus), /healthz and /readyz of the whole fleet."
)
@log_options
@click.pass_context
def fleet(
    context: click.Context,
    config_path: Path | None,
    address: str,
    sets: tuple[str, ...],
    metrics: str | None,
    log_level: str | None,
    log_format: Literal["text", "json"],
) -> None:
    """Read the cameras of a configuration on many nodes: each by one of them, by another when that one fails.

    Rows go to the output of type store, which must be PostgreSQL where there is more than this machine. Changes of the
    cameras in the file are followed.

    Exit codes: 0 done (after SIGTERM too), 1 a bug, 2 usage, configuration or cluster, 4 the store cannot be written,
    5 a model is missing or altered, 130 Ctrl-C.
    """
    if context.invoked_subcommand is not None:
        context.obj = config_path
        return
    if config_path is None:
        raise click.UsageError("--config FILE is missing: cameras, a store, and the section fleet")
    start_log(log_level or "info", log_format)
    _run(config_path, address, sets, metrics, (log_level or "info").upper())


def _run(path: Path, address: str, sets: tuple[str, ...], metrics: str | None, log_level: str) -> None:
    from streamer.cli.signals import EXIT_INTERRUPTED, Stop
    from streamer.cluster.fleet.status import Board
    from streamer.cluster.fleet.supervisor import Supervisor
    from streamer.cluster.networks import identity_of
    from streamer.serve.metrics import MetricsServer

    config = load_fleet(path, sets)
    config.check_addresses()
    if not config.cameras:
        raise ConfigError(f"{path}: cameras: there is none; give each a name and a url")
    models = identity_of(config.detector, config.reader, config.precision, config.device)
    stop, board = Stop(), Board()
    with stop.on_signals():
        server = None if metrics is None else MetricsServer(board, metrics)
        try:
            engine = _engine(config, address, log_level)
            supervisor = Supervisor(
                config, engine, path=path, load=lambda: load_fleet(path, sets), models=models, board=board
            )
            supervisor.run(stop.event)
        finally:
            if server is not None:
                server.close()
    if stop.interrupted:
        raise SystemExit(EXIT_INTERRUPTED)


def _engine(config: FleetConfig, address: str, log_level: str) -> Engine:
    from streamer.cluster.fleet.engine import Start
    from streamer.cluster.fleet.supervisor import environment_of, shared_settings
    from streamer.store.place import Place

    start = Start(
        shared_settings(config), environment_of(config), config.fleet.shard_cores, config.fleet.nodes, log_level
    )
    if address == "local":
        from streamer.cluster.fleet.local import LocalEngine
        from streamer.store.database import open_database

        open_database(config.store.path, create=True).close()  # before its processes look for it
        return LocalEngine(start)
    if Place.of(config.store.path).path is not None:
        raise ConfigError(
            f"--address {address}: the store {config.store.path} is a file of one machine: give a PostgreSQL address"
        )
    from streamer.cluster.fleet.ray_fleet import RayEngine

    return RayEngine(start, address)


def load_fleet(path: Path, sets: tuple[str, ...] = ()) -> FleetConfig:
    """The configuration of a fleet."""
    from streamer.config.fleet import FleetConfig
    from streamer.config.messages import read_settings
    from streamer.config.models import StreamConfig
    from streamer.config.overlay import changes_of

    return read_settings(path, FleetConfig, changes_of(sets, {}, frozenset(StreamConfig.model_fields)))


@fleet.command()
@_config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status(context: click.Context, config_path: Path | None, as_json: bool) -> None:
    """Show the nodes and cameras of a fleet, as its supervisor noted them in the store."""
    leases = _leases(config_path or context.obj)
    other, nodes = leases.supervisor(), leases.nodes()
    if as_json:
        found = [{"name": n.name, "seen_at": n.seen_at, "draining": n.draining, **n.details} for n in nodes]
        print_line(json.dumps({"supervisor": None if other is None else other.holder, "nodes": found}))
        return
    if not nodes:
        print_line("no fleet has run with this store yet")
        return
    age = time.time() - max(node.seen_at for node in nodes) / 1e6
    if age > _OLD_S:
        print_line(f"no fleet runs now, or its store was away: this is how it was {age:.0f} s ago")
    for node in nodes:
        for line in lines_of(node):
            print_line(line)


def lines_of(node: Node) -> list[str]:
    """A node and its cameras in words."""
    d = node.details
    head = f"{node.name}: {d['state']}, {d['load']:.1f} of {d['cores']:.1f} cores, {len(d['cameras'])} cameras"
    if d["waiting"]:
        head += f", {d['waiting']} entries wait for the store ({d['waiting_s']:.0f} s)"
    if d.get("dead"):
        head += f", {d['dead']} entries that the store does not take (see its folder fleet.state)"
    if d["reason"]:
        head += f" ({d['reason']})"
    lines = [head]
    for one in d["cameras"]:
        cost = "" if one["cost"] is None else f", {one['cost']:.2f} cores"
        reason = f" ({one['error']})" if one["error"] else ""
        lines.append(
            f"  {one['name']}: {one['state']}{cost}, frame age {1e3 * one['age_s']:.0f} ms, {one['frames']} frames, "
            f"{one['dropped']} dropped, {one['rows']} rows{reason}"
        )
    return lines


@fleet.command()
@click.argument("node")
@click.option("--undo", is_flag=True, help="Let the node have cameras again.")
@_config_option
@click.pass_context
def drain(context: click.Context, node: str, undo: bool, config_path: Path | None) -> None:
    """Move all cameras off NODE, before it is switched off; it gets none until --undo."""
    leases = _leases(config_path or context.obj)
    if not leases.drain(node, not undo):
        known = ", ".join(one.name for one in leases.nodes()) or "none"
        raise ConfigError(f"{node}: no node of this fleet: expected one of: {known}")
    print_line(f"{node}: {'may have cameras again' if undo else 'gives up its cameras; see alpr fleet status'}")


def _leases(path: Path | None) -> Leases:
    if path is None:
        raise click.UsageError("--config FILE is missing: it names the fleet's store")
    from streamer.store.database import open_database
    from streamer.store.leases import Leases

    database = open_database(load_fleet(path).store.path)
    click.get_current_context().call_on_close(database.close)
    return Leases(database)


@fleet.command()
@click.option(
    "--cameras",
    metavar="COUNT",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="Number of cameras.",
)
@click.option(
    "--nodes", metavar="COUNT", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Number of nodes."
)
@click.option(
    "--cores", metavar="CORES", type=click.FloatRange(0.1), default=4.0, show_default=True, help="Cores of a node."
)
@click.option(
    "--hours",
    metavar="HOURS",
    type=click.FloatRange(0.1, 24 * 31),
    default=24.0,
    show_default=True,
    help="Time to simulate.",
)
@click.option(
    "--failures",
    metavar="COUNT",
    type=click.FloatRange(0),
    default=0.5,
    show_default=True,
    help="Failures of a node in a day.",
)
@click.option(
    "--cost", metavar="CORES", type=click.FloatRange(0.01, 4), default=0.45, show_default=True,
    help="Cores of a camera at the busiest time, the median of all.",
)  # fmt: skip
@click.option(
    "--seed", metavar="NUMBER", type=int, default=1, show_default=True, help="Of everything that is left to chance."
)
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
