"""Who asks, and users, for programs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from streamer.serve.web.access.accounts import accounts, add_user, change_user, remove_user, set_password
from streamer.serve.web.needs import StoreDep, UserDep, needs
from streamer.serve.web.roles import User

api = APIRouter()
_Name = Annotated[str, Path(max_length=64)]
_OfAdmin = [needs("admin")]


class Me(BaseModel):
    """Who asks. `cameras`: those that may be seen, null for all."""

    name: str
    role: str
    cameras: list[str] | None
    how: Literal["token", "session", "local"]


class Account(BaseModel):
    """A user."""

    name: str
    role: str
    cameras: list[str] | None
    added_at: int
    logins: int
    tokens: int


class Accounts(BaseModel):
    items: list[Account]


class NewUser(BaseModel):
    """A user to add."""

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=12, max_length=1024)
    role: Literal["viewer", "operator", "admin"] = "viewer"
    cameras: list[str] | None = Field(None, max_length=1000)


class Changes(BaseModel):
    """What a user gets."""

    role: Literal["viewer", "operator", "admin"]
    cameras: list[str] | None = Field(None, max_length=1000)
    password: str | None = Field(None, min_length=12, max_length=1024)


@api.get("/me", response_model=Me, operation_id="me")
def me(request: Request, user: UserDep) -> object:
    """Who asks, and with which rights."""
    return {"name": user.name, "role": user.role, "cameras": _cameras(user), "how": request.state.how}


@api.get("/users", response_model=Accounts, operation_id="users", dependencies=_OfAdmin)
def users(store: StoreDep) -> object:
    """All users."""
    return {
        "items": [
            {"name": one.user.name, "role": one.user.role, "cameras": _cameras(one.user), "added_at": one.added_at,
             "logins": one.logins, "tokens": one.tokens}
            for one in accounts(store)
        ]
    }  # fmt: skip


@api.post("/users", status_code=201, response_model=None, operation_id="add_user", dependencies=_OfAdmin)
def new_user(store: StoreDep, user: UserDep, body: NewUser) -> None:
    """Adds a user."""
    add_user(store, body.name, body.password, body.role, body.cameras, who=user.name)


@api.put("/users/{name}", status_code=204, response_model=None, operation_id="change_user", dependencies=_OfAdmin)
def change(store: StoreDep, user: UserDep, name: _Name, body: Changes) -> None:
    """Sets role and cameras of a user, and the password where one is given; all logins of the user end then."""
    change_user(store, name, body.role, body.cameras, who=user.name)
    if body.password is not None:
        set_password(store, name, body.password, who=user.name)


@api.delete("/users/{name}", status_code=204, response_model=None, operation_id="remove_user", dependencies=_OfAdmin)
def remove(store: StoreDep, user: UserDep, name: _Name) -> None:
    """Removes a user with all logins and tokens; the last admin stays."""
    remove_user(store, name, who=user.name)


def _cameras(user: User) -> list[str] | None:
    return None if user.cameras is None else sorted(user.cameras)
