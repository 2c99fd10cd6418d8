"""`alpr notify`: targets that rows are sent to, what waits for them and what they did not take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamer.cli.console import print_line, start_log, table_console, warn
from streamer.errors import ConfigError, OutputError, one_line

if TYPE_CHECKING:
    from streamer.config.notify import NotifyOutput
    from streamer.notify.outbox import Outbox

_MOST = 200  # messages that are listed of a target
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _config_option(*, required: bool) -> Callable[[Decorated], Decorated]:
    text = "The configuration whose outputs are meant." + ("" if required else " [default: the user's outboxes]")
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("--config", "config_path", type=kind, metavar="FILE", required=required, help=text)


@click.group()
def notify() -> None:
    """Try targets of notifications, and see what waits for them (docs/notifications.md)."""


@notify.command("list")
@_config_option(required=False)
@click.option("--waiting", is_flag=True, help="Also print each message that waits.")
def list_(config_path: Path | None, waiting: bool) -> None:
    """List targets, how many messages wait for each, and its dead letters with the reason."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    found = _outboxes(config_path)
    if not found:
        print_line("no outbox: nothing was sent by this user yet")
        return
    table = Table(box=SIMPLE_HEAD)
    for name in ("target", "waiting", "oldest", "dead letters", "dropped"):
        table.add_column(name, overflow="fold")
    letters = Table(box=SIMPLE_HEAD)
    for name in ("target", "id", "camera", "plate", "made", "tries", "reason"):
        letters.add_column(name, overflow="fold")
    for target, path in sorted(found.items()):
        with _opened(path) as outbox:
            counts = outbox.counts()
            table.add_row(target, str(counts.waiting), _time(counts.oldest), str(counts.dead), str(counts.dropped))
            for state in ("dead", "waiting") if waiting else ("dead",):
                for one in outbox.listed(state, _MOST):
                    plate = str(one.message.body.get("plate", ""))
                    cells = (target, one.message.key, one.message.camera, plate, _time(one.made))
                    reason = one.reason or ("waits" if state == "waiting" else "")
                    letters.add_row(*map(one_line, (*cells, str(one.tries), reason)))
    console = table_console(160)
    console.print(table)
    if letters.row_count:
        console.print(letters)


@notify.command()
@click.argument("target")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@_config_option(required=False)
def resend(target: str, ids: tuple[str, ...], config_path: Path | None) -> None:
    """Make dead letters of TARGET wait again, those with an ID or all. A run that sends to it does at once, else the
    next run or `alpr notify send`."""
    with _opened(_outbox_of(target, config_path)) as outbox:
        count = outbox.revive(ids or None)
    _check_found(target, ids, count)
    print_line(f"{target}: {count} wait again")


@notify.command()
@click.argument("target")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--waiting", is_flag=True, help="Also messages that wait.")
@_config_option(required=False)
def drop(target: str, ids: tuple[str, ...], waiting: bool, config_path: Path | None) -> None:
    """Remove dead letters of TARGET, those with an ID or all."""
    with _opened(_outbox_of(target, config_path)) as outbox:
        count = outbox.drop("dead", ids or None) + (outbox.drop("waiting", ids or None) if waiting else 0)
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
    from streamer.notify.places import identity, outbox_path, target_name
    from streamer.notify.sender import Sender

    start_log("warning", "text")
    entries = [_entry(target, config_path) for target in targets] or _entries(config_path)
    left = 0
    for entry in {target_name(entry): entry for entry in entries}.values():
        name, path = target_name(entry), outbox_path(entry)
        if not path.is_file():
            print_line(f"{name}: nothing waits")
            continue
        sender = Sender(name, path, identity(entry), target_of(entry), entry)
        sender.start()
        sender.close(wait)
        with _opened(path) as outbox:
            counts = outbox.counts()
        print_line(f"{name}: {sender.sent} sent, {counts.waiting} wait, {counts.dead} dead letters")
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

    entry = _entry(target, config_path)
    name = target_name(entry)
    sent_to = target_of(entry, presence=False)
    message = sample("provisional" if entry.type == "mqtt" else "final", crop=entry.crop)
    try:
        sent_to.send(message)
    except (Refused, Unavailable) as error:
        raise OutputError(f"{name}: did not take the row: {error}") from None
    finally:
        sent_to.close()
    print_line(f"{name}: took the row {message.key}")


def _entries(config_path: Path) -> list[NotifyOutput]:
    from streamer.config.models import load_config
    from streamer.config.notify import NotifyOutput

    config = load_config(config_path)
    outputs = [*config.outputs, *(one for camera in config.cameras.values() for one in camera.outputs)]
    return [one for one in outputs if isinstance(one, NotifyOutput)]


def _entry(target: str, config_path: Path) -> NotifyOutput:
    """The entry of that name, or the only one of that type."""
    from streamer.notify.makers import looked_up
    from streamer.notify.places import target_name

    entries = _entries(config_path)
    for one in entries:
        if one.name == target:
            return one
    for one in entries:
        looked_up(one)
    named = {target_name(one): one for one in entries}
    if target in named:
        return named[target]
    of_type = [one for one in named.values() if one.type == target]
    if len(of_type) == 1:
        return of_type[0]
    known = ", ".join(named) or "none: add an entry of type webhook, mqtt or apprise to outputs"
    raise ConfigError(f"{config_path}: no target {target}: it has {known}")


def _outboxes(config_path: Path | None) -> dict[str, Path]:
    """The outboxes that there are, by target."""
    from streamer.notify.makers import looked_up
    from streamer.notify.places import SUFFIX, outbox_path, state_folder, target_name

    if config_path is None:
        return {path.stem: path for path in state_folder().glob(f"*{SUFFIX}")}
    found = {}
    for entry in _entries(config_path):
        looked_up(entry)
        if (path := outbox_path(entry)).is_file():
            found[target_name(entry)] = path
    return found


def _outbox_of(target: str, config_path: Path | None) -> Path:
    if config_path is not None:
        from streamer.notify.places import outbox_path

        return outbox_path(_entry(target, config_path))
    found = _outboxes(None)
    if target not in found:
        known = f"there are {', '.join(sorted(found))}" if found else "there is none"
        raise ConfigError(f"{target}: no outbox of that name: {known}; or give --config FILE")
    return found[target]


class _opened:
    """An outbox within a context."""

    def __init__(self, path: Path) -> None:
        from streamer.notify.outbox import Outbox

        self._outbox = Outbox(path, existing=True)

    def __enter__(self) -> Outbox:
        return self._outbox

    def __exit__(self, *_: object) -> None:
        self._outbox.close()


def _check_found(target: str, ids: Sequence[str], count: int) -> None:
    if ids and count < len(set(ids)):
        warn(f"{target}: {len(set(ids)) - count} of the ids are not there: see `alpr notify list`")


def _time(when: float | None) -> str:
    from datetime import datetime

    return "" if when is None else datetime.fromtimestamp(when).astimezone().isoformat(" ", "seconds")
