"""Logins of browsers and tokens of programs: random texts, of which the store keeps hashes only."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from streamer.errors import ConfigError
from streamer.serve.web.access.accounts import user_of
from streamer.serve.web.roles import ROLES, Role, User
from streamer.store.audit import note
from streamer.store.database import Database
from streamer.store.schema import sessions, tokens, users
from streamer.store.times import now

PREFIX = "alpr_"  # of a program's token, so that scanners for secrets know it
_LONGEST_US = 30 * 86_400_000_000  # of a login, however often it is used
_NOTED_US = 300_000_000  # the time of the last request is exact to five minutes
_MOST = 50  # logins of one user; the oldest ends


@dataclass(frozen=True)
class Login:
    """A login or a token, as lists show it. `name`: of a token; `browser`, `address`: of a login."""

    id: int
    name: str
    added_at: int
    used_at: int | None
    expires_at: int | None = None
    role: str = ""
    browser: str = ""
    address: str = ""
    current: bool = False


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def begin_session(database: Database, user: User, *, address: str = "", browser: str = "") -> str:
    """A new login; its token."""
    token, at = secrets.token_urlsafe(32), now()
    values = {
        "user_id": user.id, "hash": hash_of(token), "began_at": at, "seen_at": at, "address": address[:64],
        "browser": browser[:200],
    }  # fmt: skip
    with database.write() as connection:
        connection.execute(delete(sessions).where(sessions.c.began_at < at - _LONGEST_US))
        mine = select(sessions.c.id).where(sessions.c.user_id == user.id).order_by(sessions.c.id.desc())
        old = connection.execute(mine.offset(_MOST - 1)).scalars().all()
        connection.execute(delete(sessions).where(sessions.c.id.in_(old)))
        connection.execute(insert(sessions).values(values))
        note(connection, "login", {"address": address[:64]}, who=user.name)
    return token


def session_user(database: Database, token: str, idle_h: float) -> User | None:
    """Whose login it is; None where it ended."""
    at = now()
    wanted = select(users, sessions.c.id.label("session"), sessions.c.seen_at, sessions.c.began_at)
    with database.read() as connection:
        found = wanted.join(sessions, sessions.c.user_id == users.c.id).where(sessions.c.hash == hash_of(token))
        row = connection.execute(found).one_or_none()
    if row is None or at - row.seen_at > idle_h * 3_600_000_000 or at - row.began_at > _LONGEST_US:
        return None
    if at - row.seen_at > _NOTED_US:
        with database.write() as connection:
            connection.execute(update(sessions).where(sessions.c.id == row.session).values(seen_at=at))
    return user_of(row)


def end_session(database: Database, token: str, who: str) -> None:
    """Ends the login of a token."""
    with database.write() as connection:
        connection.execute(delete(sessions).where(sessions.c.hash == hash_of(token)))
        note(connection, "logout", {}, who=who)


def end_sessions(database: Database, user: User, number: int | None = None, *, but: str = "") -> None:
    """Ends one login of a user, or all but that of a token."""
    gone = delete(sessions).where(sessions.c.user_id == user.id)
    gone = gone.where(sessions.c.hash != hash_of(but)) if number is None else gone.where(sessions.c.id == number)
    with database.write() as connection:
        connection.execute(gone)
        note(connection, "logins end", {"user": user.name}, who=user.name)


def sessions_of(database: Database, user: User, current: str = "") -> list[Login]:
    """The logins of a user, the newest first."""
    mine = select(sessions).where(sessions.c.user_id == user.id).order_by(sessions.c.seen_at.desc())
    with database.read() as connection:
        rows = connection.execute(mine).all()
    here = hash_of(current)
    return [
        Login(
            r.id,
            "",
            r.began_at,
            r.seen_at,
            browser=r.browser,
            address=r.address,
            current=bool(current) and r.hash == here,
        )
        for r in rows
    ]


def add_token(
    database: Database, user: User, name: str, role: Role, days: float | None = None, *, who: str | None = None
) -> str:
    """A token for a program, which is shown this once."""
    if not user.at_least(role):
        raise ConfigError(f"{role}: is more than {user.name} may do ({user.role}): choose less")
    if not name.strip() or len(name) > 64:
        raise ConfigError("the token's name: expected what it is for, 64 characters at most")
    token, at = PREFIX + secrets.token_urlsafe(32), now()
    expires = None if days is None else at + round(days * 86_400_000_000)
    values = {"user_id": user.id, "name": name.strip(), "hash": hash_of(token), "role": role, "added_at": at}
    with database.write() as connection:
        connection.execute(insert(tokens).values(values | {"expires_at": expires}))
        note(connection, "token add", {"user": user.name, "name": name.strip(), "role": role}, who=who or user.name)
    return token


def token_user(database: Database, token: str) -> User | None:
    """Who a program asks for, with the role of its token; None where that is unknown or has expired."""
    at = now()
    wanted = select(
        users, tokens.c.id.label("token"), tokens.c.role.label("least"), tokens.c.expires_at, tokens.c.used_at
    )
    with database.read() as connection:
        found = wanted.join(tokens, tokens.c.user_id == users.c.id).where(tokens.c.hash == hash_of(token))
        row = connection.execute(found).one_or_none()
    if row is None or (row.expires_at is not None and row.expires_at <= at):
        return None
    if row.used_at is None or at - row.used_at > _NOTED_US:
        with database.write() as connection:
            connection.execute(update(tokens).where(tokens.c.id == row.token).values(used_at=at))
    user = user_of(row)
    role: Role = min(user.role, row.least if row.least in ROLES else "viewer", key=ROLES.index)
    return User(user.name, role, user.cameras, user.id)


def tokens_of(database: Database, user: User) -> list[Login]:
    """The tokens of a user, the newest first."""
    mine = select(tokens).where(tokens.c.user_id == user.id).order_by(tokens.c.id.desc())
    with database.read() as connection:
        rows = connection.execute(mine).all()
    return [Login(r.id, r.name, r.added_at, r.used_at, r.expires_at, r.role) for r in rows]


def remove_token(database: Database, user: User, number: int) -> None:
    """Ends a token of a user."""
    with database.write() as connection:
        connection.execute(delete(tokens).where(tokens.c.user_id == user.id, tokens.c.id == number))
        note(connection, "token remove", {"user": user.name}, who=user.name)
