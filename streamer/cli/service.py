"""`alpr service`: runs under systemd."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import click

from streamer.cli.console import print_line, warn
from streamer.errors import ConfigError, OutputError

_NAME = "alpr@.service"
_SYSTEM = Path("/etc/systemd/system")


@click.group()
def service() -> None:
    """Run under systemd, one service per configuration file."""


@service.command()
@click.option("--user", is_flag=True, help="For this user's own systemd, without root.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write to this folder. [default: /etc/systemd/system, with --user ~/.config/systemd/user]",
)
@click.option("--replace", is_flag=True, help="Overwrite a unit file that differs.")
@click.option("--print", "printed", is_flag=True, help="Print the unit file and write nothing.")
def install(user: bool, folder: Path | None, replace: bool, printed: bool) -> None:
    """Write alpr@.service, the unit file of `systemctl start alpr@NAME`.

    The service alpr@NAME reads the cameras of /etc/alpr/NAME.yaml (with --user ~/.config/alpr/NAME.yaml), with
    variables such as passwords from NAME.env beside it. It is ready when a camera has delivered a frame, is restarted
    when it stops making progress, and may write to its own folder only (/var/lib/alpr/NAME).
    """
    from streamer.serve.unit import unit

    command = _command()
    text = unit(command, user=user)
    if printed:
        print_line(text.rstrip("\n"))
        return
    if folder is None and not sys.platform.startswith("linux"):
        raise ConfigError(f"systemd is Linux's, this is {sys.platform}: --folder FOLDER or --print give the unit file")
    path = (folder or (_of_user() if user else _SYSTEM)) / _NAME
    _write(path, text, replace)
    for line in _complaints(path, command[0], user):
        warn(line)
    manager = "systemctl --user" if user else "systemctl"
    place = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") if user else Path("/etc")
    print_line(f"written: {path}")
    print_line(f"next:    put the configuration into {place / 'alpr'}/NAME.yaml, then")
    print_line(f"         {manager} daemon-reload && {manager} enable --now alpr@NAME")
    if user:
        print_line("         loginctl enable-linger   # so that it also runs while nobody is logged in")


def _of_user() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _command() -> list[str]:
    """What starts this program, by absolute path."""
    here = Path(sys.argv[0]).absolute()
    if here.name == "alpr" and os.access(here, os.X_OK):
        return [str(here)]
    beside = Path(sys.executable).absolute().parent / "alpr"
    return [str(beside)] if os.access(beside, os.X_OK) else [str(Path(sys.executable).absolute()), "-m", "streamer.cli"]


def _write(path: Path, text: str, replace: bool) -> None:
    try:
        if path.exists() and not replace and path.read_text(encoding="utf-8") != text:
            raise ConfigError(
                f"{path}: is there with other contents: --replace overwrites it, --print shows the new one"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}): run as root, or give --user or --folder"
        ) from None


def _complaints(path: Path, command: str, user: bool) -> list[str]:
    """What keeps the service from running as it is written: folders that its own user may not enter, and what systemd
    says of the unit, where it is installed."""
    closed = [] if user else [p for p in Path(command).parents if p.exists() and not p.stat().st_mode & stat.S_IXOTH]
    lines = [f"{p}: the service's user may not enter it: install into an environment below /opt" for p in closed[-1:]]
    program = shutil.which("systemd-analyze")
    if program is None:
        return lines
    verify = [program, *(["--user"] if user else []), "verify", "--man=no", "--recursive-errors=no", str(path)]
    try:
        done = subprocess.run(verify, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return lines
    return lines + [line for line in done.stderr.splitlines() if "alpr@" in line]
