"""Users in the store."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from streamer.errors import ConfigError
from streamer.serve.web.access.passwords import check_password, fits, hashed
from streamer.serve.web.roles import ROLES, Role, User
from streamer.store.audit import note
from streamer.store.database import Database
from streamer.store.schema import sessions, tokens, users
from streamer.store.times import now

_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True)
class Account:
    """A user with what the list of users shows: when it was added, how many logins and tokens go on."""

    user: User
    added_at: int
    logins: int = 0
    tokens: int = 0


def add_user(
    database: Database,
    name: str,
    password: str,
    role: Role,
    cameras: Collection[str] | None = None,
    *,
    who: str | None = None,
) -> User:
    """A new user; ConfigError where the name is taken, or name or password are no good."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: expected a name of letters, digits and . _ - @, 64 at most")
    if role not in ROLES:
        raise ConfigError(f"{role!r}: expected one of {', '.join(ROLES)}")
    check_password(password)
    seen = None if cameras is None else json.dumps(sorted(cameras), ensure_ascii=False)
    values = {"name": name, "password": hashed(password), "role": role, "cameras": seen, "added_at": now()}
    with database.write() as connection:
        if connection.execute(select(users.c.id).where(users.c.name == name)).scalar() is not None:
            raise ConfigError(f"{name}: there is a user of that name: choose another, or alpr user password {name}")
        number = connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one()
        note(connection, "user add", {"user": name, "role": role, "cameras": seen}, who=who)
    return User(name, role, None if cameras is None else frozenset(cameras), int(number))


def accounts(database: Database) -> list[Account]:
    """All users by name."""
    logins = select(func.count()).where(sessions.c.user_id == users.c.id).scalar_subquery()
    keys = select(func.count()).where(tokens.c.user_id == users.c.id).scalar_subquery()
    with database.read() as connection:
        rows = connection.execute(select(users, logins.label("logins"), keys.label("keys")).order_by(users.c.name))
        return [Account(user_of(row), row.added_at, row.logins, row.keys) for row in rows]


def user_of(row: Row[Any]) -> User:
    """The user of a row with the columns of `users`."""
    cameras = None if row.cameras is None else frozenset(json.loads(row.cameras))
    return User(row.name, row.role if row.role in ROLES else "viewer", cameras, row.id)


def count(database: Database) -> int:
    """How many users there are."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(users)).scalar_one())


def named(database: Database, name: str) -> User:
    """The user of a name; ConfigError where there is none."""
    with database.read() as connection:
        row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    if row is None:
        raise ConfigError(f"{name}: there is no user of that name (alpr user list shows those there are)")
    return user_of(row)


def change_user(
    database: Database, name: str, role: Role, cameras: Collection[str] | None, *, who: str | None = None
) -> None:
    """Sets role and cameras; ConfigError where nobody would be left who may change users."""
    user = named(database, name)
    seen = None if cameras is None else json.dumps(sorted(cameras), ensure_ascii=False)
    with database.write() as connection:
        if user.role == "admin" and role != "admin":
            _keep_an_admin(connection, user)
        connection.execute(update(users).where(users.c.id == user.id).values(role=role, cameras=seen))
        note(connection, "user change", {"user": name, "role": role, "cameras": seen}, who=who)


def remove_user(database: Database, name: str, *, who: str | None = None, last: bool = False) -> None:
    """Removes a user with all logins and tokens. `last`: also the last admin."""
    user = named(database, name)
    with database.write() as connection:
        if user.role == "admin" and not last:
            _keep_an_admin(connection, user)
        for table in (sessions, tokens):
            connection.execute(delete(table).where(table.c.user_id == user.id))
        connection.execute(delete(users).where(users.c.id == user.id))
        note(connection, "user remove", {"user": name}, who=who)


def set_password(database: Database, name: str, password: str, *, who: str | None = None) -> None:
    """A new password; all logins of the user end."""
    check_password(password)
    user, value = named(database, name), hashed(password)
    with database.write() as connection:
        connection.execute(update(users).where(users.c.id == user.id).values(password=value))
        connection.execute(delete(sessions).where(sessions.c.user_id == user.id))
        note(connection, "user password", {"user": name}, who=who)


def verified(database: Database, name: str, password: str) -> User | None:
    """The user, where name and password fit; takes as long where there is no such user."""
    with database.read() as connection:
        row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    if not fits(password, None if row is None else row.password) or row is None:
        return None
    return user_of(row)


def _keep_an_admin(connection: Any, user: User) -> None:
    others = select(func.count()).where(users.c.role == "admin", users.c.id != user.id)
    if not connection.execute(others).scalar_one():
        raise ConfigError(f"{user.name}: is the last admin: make another user one first")
