"""`alpr notify`: targets that rows are sent to, what waits for them and what they did not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamer.cli.console import print_line, start_log, table_console, warn
from streamer.errors import ConfigError, OutputError, one_line

if TYPE_CHECKING:
    from streamer.notify.queue import Queue

_MOST = 200  # messages that are listed of a target
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _config_option(*, required: bool) -> Callable[[Decorated], Decorated]:
    text = "The configuration whose outputs are meant." + ("" if required else " [default: this user's outboxes]")
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("--config", "config_path", type=kind, metavar="FILE", required=required, help=text)


def _store_option(command: Decorated) -> Decorated:
    text = "The store that the outboxes are in, in place of --config."
    return click.option("--store", metavar="FILE|ADDRESS", help=text)(command)


@click.group()
def notify() -> None:
    """Try targets of notifications, and see what waits for them (docs/notifications.md)."""


@notify.command("list")
@_config_option(required=False)
@_store_option
@click.option("--waiting", is_flag=True, help="Also print each message that waits.")
def list_(config_path: Path | None, store: str | None, waiting: bool) -> None:
    """List targets, how many messages wait for each, and its dead letters with the reason."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from streamer.notify.queue import State
    from streamer.serve.outboxes import places

    table, letters = Table(box=SIMPLE_HEAD), Table(box=SIMPLE_HEAD)
    for name in ("target", "waiting", "oldest", "dead letters", "dropped"):
        table.add_column(name, overflow="fold")
    for name in ("target", "id", "camera", "plate", "made", "tries", "reason"):
        letters.add_column(name, overflow="fold")
    states: list[State] = ["dead", "waiting"] if waiting else ["dead"]
    with places(config_path, store) as found:
        for target, place in sorted(found.items()):
            if not place.exists:
                continue
            with place.opened() as queue:
                counts = queue.counts()
                table.add_row(target, str(counts.waiting), _time(counts.oldest), str(counts.dead), str(counts.dropped))
                for state in states:
                    for one in queue.listed(state, _MOST):
                        plate = str(one.message.body.get("plate", ""))
                        reason = one.reason or ("waits" if state == "waiting" else "")
                        cells = (target, one.message.key, one.message.camera, plate, _time(one.made))
                        letters.add_row(*map(one_line, (*cells, str(one.tries), reason)))
    if not table.row_count:
        print_line(_nothing(config_path, store))
        return
    console = table_console(160)
    console.print(table)
    if letters.row_count:
        console.print(letters)


@notify.command()
@click.argument("target")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@_config_option(required=False)
@_store_option
def resend(target: str, ids: tuple[str, ...], config_path: Path | None, store: str | None) -> None:
    """Make dead letters of TARGET wait again, those with an ID or all. A run that sends to it does at once, else the
    next run or `alpr notify send`."""
    with _opened(target, config_path, store) as queue:
        count = queue.revive(ids or None)
    _check_found(target, ids, count)
    print_line(f"{target}: {count} wait again")


@notify.command()
@click.argument("target")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--waiting", is_flag=True, help="Also messages that wait.")
@_config_option(required=False)
@_store_option
def drop(target: str, ids: tuple[str, ...], waiting: bool, config_path: Path | None, store: str | None) -> None:
    """Remove dead letters of TARGET, those with an ID or all."""
    with _opened(target, config_path, store) as queue:
        count = queue.drop("dead", ids or None) + (queue.drop("waiting", ids or None) if waiting else 0)
    _check_found(target, ids, count)
    print_line(f"{target}: {count} removed")


@notify.command()
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@_config_option(required=True)
@click.option(
    "--wait", type=click.FloatRange(min=0.1), default=60.0, show_default=True, metavar="SECONDS",
    help="Try for so long.",
)  # fmt: skip
def send(targets: tuple[str, ...], config_path: Path, wait: float) -> None:
    """Send what waits for TARGETs (for all) without a run. Exit code 4 where something still waits."""
    from streamer.notify.makers import target_of
    from streamer.notify.places import identity
    from streamer.notify.sender import Sender
    from streamer.serve.outboxes import chosen, places

    start_log("warning", "text")
    left = 0
    with places(config_path, None) as found:
        for place in [chosen(found, name, str(config_path)) for name in targets] or list(found.values()):
            if not place.exists:
                print_line(f"{place.name}: nothing waits")
                continue
            assert place.entry is not None
            sender = Sender(place.name, place.box, identity(place.entry), target_of(place.entry), place.entry)
            sender.start()
            sender.close(wait)
            with place.opened() as queue:
                counts = queue.counts()
            print_line(f"{place.name}: {sender.sent} sent, {counts.waiting} wait, {counts.dead} dead letters")
            left += counts.waiting
    if left:
        raise OutputError(f"{left} messages could not be sent: they wait; `alpr notify list` says why")


@notify.command()
@click.argument("target")
@_config_option(required=True)
def test(target: str, config_path: Path) -> None:
    """Send a made-up row to TARGET: the name of an output of the configuration, or its type.

    The plate is TEST123 of a camera called test, with "test": true. The outbox is not used.
    """
    from streamer.notify.makers import target_of
    from streamer.notify.places import target_name
    from streamer.notify.sample import sample
    from streamer.notify.target import Refused, Unavailable
    from streamer.serve.outboxes import entries_of

    entries = entries_of(config_path)
    meant = [one for one in entries if one.name == target]
    if not meant:
        named = {_name(one): one for one in entries}
        of_type = [one for one in named.values() if one.type == target]
        meant = [named[target]] if target in named else of_type if len(of_type) == 1 else []
    if not meant:
        known = ", ".join(named) or "none: add an entry of type webhook, mqtt or apprise to outputs"
        raise ConfigError(f"{config_path}: no target {target}: it has {known}")
    entry = meant[0]
    sent_to, name = target_of(entry, presence=False), target_name(entry)
    message = sample("provisional" if entry.type == "mqtt" else "final", crop=entry.crop)
    try:
        sent_to.send(message)
    except (Refused, Unavailable) as error:
        raise OutputError(f"{name}: did not take the row: {error}") from None
    finally:
        sent_to.close()
    print_line(f"{name}: took the row {message.key}")


def _nothing(config_path: Path | None, store: str | None) -> str:
    if store is not None and config_path is None:
        return "no target: no run with outputs of type webhook, mqtt or apprise has sent rows of this store"
    return "no outbox: nothing was sent yet" + ("" if config_path else " by this user")


def _name(entry: Any) -> str:
    """A target's name, also where what its address refers to is not there."""
    from streamer.notify.places import target_name

    try:
        return target_name(entry)
    except ConfigError:
        return f"{entry.type} (its variables are not set)"


@contextmanager
def _opened(target: str, config_path: Path | None, store: str | None) -> Iterator[Queue]:
    """The queue of a target."""
    from streamer.serve.outboxes import chosen, places

    with places(config_path, store) as found:
        place = chosen(found, target, str(config_path or store or "this user's outboxes"))
        if not place.exists:
            raise ConfigError(f"{target}: nothing waits, and there are no dead letters")
        with place.opened() as queue:
            yield queue


def _check_found(target: str, ids: Sequence[str], count: int) -> None:
    if ids and count < len(set(ids)):
        warn(f"{target}: {len(set(ids)) - count} of the ids are not there: see `alpr notify list`")


def _time(when: float | None) -> str:
    from datetime import datetime

    return "" if when is None else datetime.fromtimestamp(when).astimezone().isoformat(" ", "seconds")
