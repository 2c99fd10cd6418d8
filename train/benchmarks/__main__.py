"""Measures what README.md and the model cards state, and says where they state otherwise.

python -m train.benchmarks             # measures what is missing or out of date (hours), then compares
python -m train.benchmarks --check     # compares with what was measured before
python -m train.benchmarks --check --write   # and writes it into the texts and cards
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import click

from streamer.errors import AlprError
from train.benchmarks.check import Compared, compare, write_measured
from train.benchmarks.measure import identity, missing, read_file, run, write_file
from train.benchmarks.places import ROOT
from train.benchmarks.registry import MEASURES, Figure, Measure, figures

FILE = ROOT / "docs" / "benchmarks.json"


@click.command(help=__doc__.splitlines()[0])
@click.option("--only", multiple=True, metavar="NAME", help="Only this measurement, or those named NAME*. Repeatable.")
@click.option("--list", "listed", is_flag=True, help="List the measurements, and the figures of each.")
@click.option("--check", is_flag=True, help="Measure nothing; compare what was measured before.")
@click.option("--again", is_flag=True, help="Measure also what has not changed since it was measured.")
@click.option(
    "--write", is_flag=True, help="Write what was measured into the texts; of speeds only with --strict-speed."
)
@click.option("--strict-speed", is_flag=True, help="A speed that differs by more than 25 % is a fault, too.")
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=FILE,
    help="Figures. Default: docs/benchmarks.json",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT / "out" / "benchmarks",
    help="Scratch folder.",
)
def main(
    only: tuple[str, ...],
    listed: bool,
    check: bool,
    again: bool,
    write: bool,
    strict_speed: bool,
    file: Path,
    work: Path,
) -> None:
    chosen = _chosen(only)
    try:
        found = read_file(file)
        if listed:
            _list(chosen, file)
            return
        failed = [] if check else _measure(chosen, file, work, again)
        found = read_file(file)
    except AlprError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    names = {measure.name for measure in chosen}
    wanted = [f for f in figures() if f.measure in names]
    compared, lacking = compare(wanted, found)
    if write:
        changed = write_measured(one for one in compared if one.figure.kind != "speed" or strict_speed)
        click.echo(f"{changed} figures written: read again what the texts say of them")
        compared, lacking = compare(wanted, found)
    sys.exit(1 if _report(compared, [*lacking, *failed], strict_speed) else 0)


def _chosen(only: tuple[str, ...]) -> list[Measure]:
    names = [m.name for m in MEASURES]
    for name in only:
        if not any(_named(n, name) for n in names):
            raise click.BadParameter(f"{name}: expected one of {', '.join(names)}", param_hint="--only")
    return [m for m in MEASURES if not only or any(_named(m.name, name) for name in only)]


def _named(name: str, wanted: str) -> bool:
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


def _list(chosen: list[Measure], file: Path) -> None:
    found, by_measure = read_file(file), defaultdict(list)
    for figure in figures():
        by_measure[figure.measure].append(figure)
    for measure in chosen:
        kept = found.get(measure.name)
        when = f"measured {kept['date']} at {kept['commit']} on {kept['machine']}" if kept else "not measured"
        needs = f"; needs {', '.join(measure.variables)}" if measure.variables else ""
        click.echo(f"{measure.name}: {measure.about}, about {measure.minutes:g} minutes{needs}; {when}")
        for command in measure.commands:
            click.echo(f"  $ {' '.join(command)}")
        for figure in by_measure[measure.name]:
            click.echo(f"  {figure.key}: {_stated(figure)}")


def _stated(figure: Figure) -> str:
    compared, lacking = compare([figure], {})
    return (
        lacking[0] if lacking else f"{compared[0].stated.text} in {compared[0].stated.file}:{compared[0].stated.line}"
    )


def _measure(chosen: list[Measure], file: Path, work: Path, again: bool) -> list[str]:
    """The measurements that failed; the file is written after each one."""
    failed = []
    for measure in chosen:
        found = read_file(file)
        kept = found.get(measure.name)
        if lacking := missing(measure):
            click.echo(f"{measure.name}: skipped, {' and '.join(lacking)} not set", err=True)
        elif kept and not again and kept["identity"] == identity(measure):
            click.echo(f"{measure.name}: unchanged since {kept['date']}", err=True)
        else:
            try:
                found[measure.name] = run(measure, work, lambda line: click.echo(line, err=True))
            except AlprError as error:
                failed.append(str(error))
                continue
            write_file(file, found)
    return failed


def _report(compared: list[Compared], faults: list[str], strict_speed: bool) -> bool:
    """Prints what differs; whether anything is a fault."""
    for one in compared:
        if not one.agrees and one.figure.kind == "speed" and not strict_speed:
            click.echo(f"speed (of another machine or load?): {one}")
        elif not one.agrees:
            faults.append(str(one))
    for fault in faults:
        click.echo(f"fault: {fault}")
    measured = sum(one.measured is not None for one in compared)
    click.echo(f"{len(compared)} figures stated, {measured} of them measured, {len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    main()
