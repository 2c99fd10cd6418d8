"""`alpr user`: who may use the page."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from streamer.cli.console import notice, print_line
from streamer.errors import ConfigError

if TYPE_CHECKING:
    from streamer.store.database import Database

_ROLES = click.Choice(["viewer", "operator", "admin"])
_STORE = click.option("--store", "where", metavar="FILE|ADDRESS", required=True, help="The store that the page shows.")
_NAME = click.argument("name")
_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, without a question."
)


@click.group()
def user() -> None:
    """Users of the page. They are kept in the store; passwords as scrypt hashes, logins and tokens as SHA-256."""


@user.command()
@_NAME
@_STORE
@click.option(
    "--role",
    type=_ROLES,
    default="viewer",
    show_default=True,
    help="viewer: looks; operator: corrects rows, edits lists, sends again; admin: saves settings, keeps users.",
)
@click.option("--camera", "cameras", metavar="NAME", multiple=True, help="See this camera only. May be repeated.")
@_STDIN
def add(name: str, where: str, role: str, cameras: tuple[str, ...], password_stdin: bool) -> None:
    """Add a user. The password is asked for; at least 12 characters."""
    from streamer.serve.web.access.accounts import add_user

    password = _password(password_stdin)
    with _opened(where, create=True) as database:
        add_user(database, name, password, role, cameras or None)  # type: ignore[arg-type]
    notice(f"{name}: added as {role}" + (f", sees {', '.join(cameras)}" if cameras else ""))


@user.command("list")
@_STORE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_(where: str, as_json: bool) -> None:
    """Show all users."""
    from streamer.serve.web.access.accounts import accounts
    from streamer.store.times import moment

    with _opened(where) as database:
        found = accounts(database)
        if not found:
            notice(f"{database.name}: no user yet: alpr user add NAME --role admin --store {database.name}")
        for one in found:
            cameras = None if one.user.cameras is None else sorted(one.user.cameras)
            added = moment(one.added_at).isoformat(timespec="seconds")
            if as_json:
                told = {"name": one.user.name, "role": one.user.role, "cameras": cameras, "added": added}
                print_line(json.dumps(told | {"logins": one.logins, "tokens": one.tokens}, ensure_ascii=False))
            else:
                seen = "all cameras" if cameras is None else ", ".join(cameras)
                counts = f"{one.logins} logins, {one.tokens} tokens"
                print_line(f"{one.user.name:16} {one.user.role:9} {seen}, {counts}, since {added}")


@user.command()
@_NAME
@_STORE
def remove(name: str, where: str) -> None:
    """Remove a user, with all logins and tokens."""
    from streamer.serve.web.access.accounts import remove_user

    with _opened(where) as database:
        remove_user(database, name, last=True)
    notice(f"{name}: removed")


@user.command()
@_NAME
@_STORE
@_STDIN
def password(name: str, where: str, password_stdin: bool) -> None:
    """Set a new password; all logins of the user end."""
    from streamer.serve.web.access.accounts import named, set_password

    with _opened(where) as database:
        named(database, name)
        set_password(database, name, _password(password_stdin))
    notice(f"{name}: has a new password; logins have ended")


@user.command()
@_NAME
@_STORE
@click.option("--for", "purpose", metavar="TEXT", required=True, help="What the token is for, as lists show it.")
@click.option("--role", type=_ROLES, default="viewer", show_default=True, help="The most that the token may do.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Valid for so long.")
def token(name: str, where: str, purpose: str, role: str, days: float | None) -> None:
    """Make a token for a program that uses /api/v1 as this user: printed once, sent as `Authorization: Bearer TOKEN`.
    Tokens end on the page, or with the user."""
    from streamer.serve.web.access.accounts import named
    from streamer.serve.web.access.logins import add_token

    with _opened(where) as database:
        print_line(add_token(database, named(database, name), purpose, role, days))  # type: ignore[arg-type]


def _opened(where: str, *, create: bool = False) -> Database:
    from streamer.cli.page import check_extra

    check_extra()
    from streamer.store.database import open_database

    return open_database(where, create=create)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise ConfigError("no terminal to ask for the password: give --password-stdin")
    text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return text
