"""Targets for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from streamer.notify.message import Stored
from streamer.serve.web.needs import SiteDep, UserDep, needs
from streamer.serve.web.targets.boxes import TargetState, messages, target, targets, try_out
from streamer.serve.web.targets.pages import again, removed

api = APIRouter()
Key = Path(max_length=40)


class Target(BaseModel):
    """A target and its outbox. `state`: fault, dead, waiting or idle; `oldest`: of what waits."""

    key: str
    name: str
    type: str
    address: str
    camera: str
    state: str
    waiting: int
    dead: int
    dropped: int
    oldest: str | None
    fault: str


class Targets(BaseModel):
    items: list[Target]


class Message(BaseModel):
    """What waits, or a dead letter."""

    id: str
    camera: str
    kind: str
    plate: str
    made: str
    tries: int
    reason: str


class TargetMessages(Target):
    dead_letters: list[Message]
    waits: list[Message]


class Ids(BaseModel):
    """Dead letters by their ids; none: all."""

    ids: list[str] = Field([], max_length=1000)


class Count(BaseModel):
    count: int


class Taken(BaseModel):
    id: str


@api.get("/targets", response_model=Targets, operation_id="targets")
def all_targets(site: SiteDep, user: UserDep) -> object:
    """All targets with what waits for them."""
    return {"items": [_target(one) for one in targets(site) if not one.of or user.sees(one.of)]}


@api.get("/targets/{key}", response_model=TargetMessages, operation_id="target")
def one_target(site: SiteDep, user: UserDep, key: str = Key) -> object:
    """A target with its dead letters and what waits, 100 of each at most."""
    found = target(site, user, key)
    dead, waiting = messages(found, user)
    return _target(found) | {"dead_letters": [_message(m) for m in dead], "waits": [_message(m) for m in waiting]}


@api.post(
    "/targets/{key}/resend", response_model=Count, operation_id="resend_dead_letters", dependencies=[needs("operator")]
)
def resend(site: SiteDep, user: UserDep, asked: Ids, key: str = Key) -> object:
    """Makes dead letters wait again."""
    return {"count": again(site, target(site, user, key), user.name, asked.ids)}


@api.post(
    "/targets/{key}/drop", response_model=Count, operation_id="drop_dead_letters", dependencies=[needs("operator")]
)
def drop(site: SiteDep, user: UserDep, asked: Ids, key: str = Key) -> object:
    """Removes dead letters."""
    return {"count": removed(site, target(site, user, key), user.name, asked.ids)}


@api.post("/targets/{key}/test", response_model=Taken, operation_id="test_target", dependencies=[needs("operator")])
def try_target(site: SiteDep, user: UserDep, key: str = Key) -> object:
    """Sends a made-up row past the outbox."""
    return {"id": try_out(target(site, user, key))}


def _target(one: TargetState) -> dict[str, Any]:
    return {
        "key": one.key, "name": one.name, "type": one.kind, "address": one.address, "camera": one.of,
        "state": one.state, "waiting": one.counts.waiting, "dead": one.counts.dead, "dropped": one.counts.dropped,
        "oldest": None if one.counts.oldest is None else _time(one.counts.oldest), "fault": one.fault,
    }  # fmt: skip


def _message(one: Stored) -> dict[str, Any]:
    return {
        "id": one.message.key, "camera": one.message.camera, "kind": one.message.kind,
        "plate": str(one.message.body.get("plate", "")), "made": _time(one.made), "tries": one.tries,
        "reason": one.reason,
    }  # fmt: skip


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
