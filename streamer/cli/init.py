"""`alpr init`: a first configuration, by five questions or by options."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from streamer.cli.console import notice, print_line, warn
from streamer.errors import ConfigError, InputError, OutputError

if TYPE_CHECKING:
    from streamer.cli.first_look import FirstLook
    from streamer.cli.init_text import Answers

T = TypeVar("T")
_FILE = click.Path(path_type=Path)
_NONE = "-"  # answers that there is none


@click.command()
@click.argument("config", type=_FILE, default="alpr.yaml")
@click.option("--camera", metavar="ADDRESS", help="The camera's address, device or file.")
@click.option("--name", help="The camera's name in the rows. [default: gate]")
@click.option("--country", "countries", metavar="CODES", help="Countries whose plates are expected, like DE,AT.")
@click.option("--csv", "rows", metavar="FILE", help="File of the rows; - for none. [default: plates-{date}.csv]")
@click.option("--store", metavar="FILE", help="SQLite file to search rows in; - for none. [default: none]")
@click.option("--watch", metavar="FILE", help="List of plates to watch for; - for none. [default: none]")
@click.option(
    "--try/--no-try", "tried", default=True, help="Look at the camera, or write the file without. [default: try]"
)
@click.option(
    "--still", type=_FILE, metavar="FILE", help="Write a still of the camera with its plates drawn in (.jpg)."
)
@click.option("--yes", "-y", is_flag=True, help="Ask nothing: take options and defaults.")
@click.option("--replace", is_flag=True, help="Overwrite CONFIG where it is there.")
def init(
    config: Path,
    camera: str | None,
    name: str | None,
    countries: str | None,
    rows: str | None,
    store: str | None,
    watch: str | None,
    tried: bool,
    still: Path | None,
    yes: bool,
    replace: bool,
) -> None:
    """Write a first configuration to CONFIG (alpr.yaml).

    Asks for the camera's address, which it tries, showing the plates in a still of it; for countries; and where rows
    are written, searched and compared with a list. What an option gives is not asked; with --yes, or where standard
    input is no terminal, nothing is.
    """
    if config.exists() and not replace:
        raise ConfigError(f"{config}: is there already: --replace overwrites it, or give another name", at=config)
    ask = not yes and _interactive()
    given = _answer(camera, "Address of the camera (rtsp://user:password@host/path, /dev/video0, a file)", None, ask)
    if given is None:
        raise click.UsageError("--camera ADDRESS is missing")
    look = _looked(given, ask=ask) if tried else None
    if look is not None and still is not None:
        from streamer.cli.first_look import save_still

        save_still(look, still)
        print_line(f"still:   {still}")
    answers, secrets = _answers(given, name or "gate", countries, rows, store, watch, ask)
    size = (look.width, look.height) if look is not None else (None, None)
    _write(config, answers, size, secrets)


def _interactive() -> bool:
    return sys.stdin.isatty()


def _answer(option: str | None, question: str, default: str | None, ask: bool) -> str | None:
    """The option, else the answer, else the default; None for none."""
    text = option
    if text is None:
        text = click.prompt(question, default=default or _NONE, err=True) if ask else default
    text = None if text is None else text.strip()
    return None if text in (None, "", _NONE) else text


def _asked(option: str | None, question: str, default: str | None, ask: bool, check: Callable[[str], T]) -> T | None:
    """As `_answer`, but checked; asked again where that fails."""
    while True:
        text = _answer(option, question, default, ask)
        if text is None:
            return None
        try:
            return check(text)
        except ConfigError as error:
            if option is not None or not ask:
                raise
            warn(str(error))


def _looked(address: str, *, ask: bool) -> FirstLook | None:
    """The first look at the camera, reported; None where it cannot be read and is taken nevertheless."""
    from streamer.cli.first_look import look_at

    notice("trying the camera ...")
    try:
        look = look_at(address)
    except InputError as error:
        if not ask:
            warn(f"{error}; it is written nevertheless")
            return None
        warn(str(error))
        if not click.confirm("Write it nevertheless?", err=True):
            raise click.Abort from None
        return None
    rate = f", {look.rate:.3g} frames/s" if look.rate else ""
    print_line(f"camera:  {look.width}x{look.height}{rate}")
    found = ", ".join(f"{p.text} ({p.confidence:.2f}, {_height(p.quad):.0f} px high)" for p in look.plates)
    print_line(f"plates:  {found or 'none in this still'}")
    return look


def _height(quad: object) -> float:
    from streamer.geometry import plate_height

    return float(plate_height(quad))  # type: ignore[arg-type]


def _answers(
    address: str,
    name: str,
    countries: str | None,
    rows: str | None,
    store: str | None,
    watch: str | None,
    ask: bool,
) -> tuple[Answers, dict[str, str]]:
    """The answers to the questions behind the first; and secrets by the variables that stand for them."""
    from streamer.cli.init_text import Answers
    from streamer.migrate.draft import Draft

    codes = _asked(countries, "Countries whose plates are expected, like DE,AT (- for any)", None, ask, _countries)
    csv = _answer(rows, "File of the rows (CSV)", "plates-{date}.csv", ask)
    database = _answer(store, "File to search rows in (SQLite, - for none)", None, ask)
    if database is not None and importlib.util.find_spec("sqlalchemy") is None:
        warn("a store needs an extra: pip install 'alpr-streamer[store]'")
    plates = _asked(watch, "List of plates to watch for (CSV with a column plate, - for none)", None, ask, _list)
    draft = Draft("")
    return Answers(name, draft.address(name, address), codes or (), csv, database, plates), draft.secrets


def _countries(text: str) -> tuple[str, ...]:
    from streamer.config.models import as_country
    from streamer.engine.zoo import plate_folders
    from streamer.plates.countries import check_countries

    try:
        codes = tuple(as_country(code) for code in re.split(r"[\s,;/+]+", text.strip()) if code)
    except ValueError as error:
        raise ConfigError(f"countries: {error} (got {text!r})") from None
    check_countries(codes, plate_folders(None))
    return codes


def _list(text: str) -> str:
    from streamer.watch.lists import read_list

    read_list(Path(text))
    return text


def _write(config: Path, answers: Answers, size: tuple[int | None, int | None], secrets: dict[str, str]) -> None:
    from streamer.cli.init_text import configuration
    from streamer.cli.migrate import env_lines

    env = config.with_suffix(".env")
    if secrets and env.exists():
        raise ConfigError(f"{env}: is there already, for the camera's password: give CONFIG another name", at=env)
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(configuration(answers, *size), encoding="utf-8")
        if secrets:
            with open(os.open(env, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(env_lines(secrets))
    except OSError as error:
        raise OutputError(f"{config}: cannot be written ({error.strerror}): give another place", at=config) from None
    print_line(f"written: {config}" + (f", {env} (the password)" if secrets else ""))
    if secrets:
        print_line(f"next:    set -a; . {env if env.is_absolute() else f'./{env}'}; set +a")
    indent = "        " if secrets else "next:   "
    print_line(f"{indent} alpr check {config} && alpr run --config {config}")
