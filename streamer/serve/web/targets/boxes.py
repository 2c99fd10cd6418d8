"""The targets of the configuration, and what is in their outboxes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from streamer.config.notify import NotifyOutput
from streamer.config.outputs import StoreOutput
from streamer.config.urls import redact
from streamer.errors import AlprError, ConfigError, OutputError
from streamer.notify.makers import target_of
from streamer.notify.message import Stored
from streamer.notify.queue import Counts, Queue
from streamer.notify.sample import sample
from streamer.notify.target import Refused, Unavailable
from streamer.serve.outboxes import Place, place_of, target_lists
from streamer.serve.web.context import Site
from streamer.serve.web.faults import Missing
from streamer.serve.web.faults import Unavailable as NotNow
from streamer.serve.web.roles import User
from streamer.store.database import Database
from streamer.store.outbox import StoreBox, targets_of

T = TypeVar("T")
MOST = 100  # messages that are shown of a state
_NO_OUTBOX = Counts()


@dataclass(frozen=True)
class TargetState:
    """`key`: in addresses; `address`: without secrets; `place`: None with a `fault` where its settings cannot be
    used; `of`: the camera that has it for itself."""

    key: str
    name: str
    kind: str = ""
    address: str = ""
    of: str = ""
    sends: tuple[str, ...] = ()
    counts: Counts = field(default=_NO_OUTBOX)
    place: Place | None = None
    fault: str = ""

    @property
    def state(self) -> str:
        """For the badge: fault, dead, late, waiting or idle."""
        if self.fault:
            return "fault"
        if self.counts.dead:
            return "dead"
        return "waiting" if self.counts.waiting else "idle"


def targets(site: Site) -> list[TargetState]:
    """All targets: of the configuration, or those for which something is in the store."""
    if site.config is None:
        if site.store is None:
            return []
        database = site.database()
        return [_state(Place(name, StoreBox(database, name)), "", "") for name in targets_of(database)]
    found: list[TargetState] = []
    names = ["", *site.config.cameras]
    for of, outputs in zip(names, target_lists(site.config), strict=True):
        found += [_of_entry(site, one, outputs, of) for one in outputs if isinstance(one, NotifyOutput)]
    return found


def target(site: Site, user: User, key: str) -> TargetState:
    """One of them; Missing where there is none."""
    found = next((one for one in targets(site) if one.key == key), None)
    if found is None or (found.of and not user.sees(found.of)):
        raise Missing("targets.missing")
    return found


def with_queue(one: TargetState, work: Callable[[Queue], T], otherwise: T) -> T:
    """What `work` makes of a target's outbox, `otherwise` where nothing was put into it yet."""
    if one.place is None or not one.place.exists:
        return otherwise
    with one.place.opened() as queue:
        return work(queue)


def messages(one: TargetState, user: User) -> tuple[list[Stored], list[Stored]]:
    """Dead letters and waiting messages of cameras that the user may see."""

    def listed(queue: Queue) -> tuple[list[Stored], list[Stored]]:
        dead, waiting = queue.listed("dead", MOST), queue.listed("waiting", MOST)
        return _seen(dead, user), _seen(waiting, user)

    nothing: tuple[list[Stored], list[Stored]] = [], []
    return with_queue(one, listed, nothing)


def try_out(one: TargetState) -> str:
    """Sends a made-up row past the outbox and gives its number; Unavailable says why it was not taken."""
    if one.place is None or one.place.entry is None:
        raise NotNow("targets.no_settings")
    entry = one.place.entry
    message = sample("provisional" if entry.type == "mqtt" else "final", crop=entry.crop)
    try:
        sent_to = target_of(entry, presence=False)
        try:
            sent_to.send(message)
        finally:
            sent_to.close()
    except (Refused, Unavailable, AlprError) as error:
        raise NotNow("targets.not_taken", reason=redact(str(error))) from None
    return message.key


def _seen(found: Sequence[Stored], user: User) -> list[Stored]:
    return [one for one in found if user.sees(one.message.camera)]


def _of_entry(site: Site, entry: NotifyOutput, outputs: Sequence[object], of: str) -> TargetState:
    address = redact(entry.address().partition(" ")[0])
    if entry.type == "apprise":
        address = ""  # the whole of it may be a secret
    try:
        place = place_of(entry, [o for o in outputs if isinstance(o, NotifyOutput | StoreOutput)], _opened(site))
        return _state(place, address, of)
    except (ConfigError, OutputError) as error:
        name = entry.name or entry.type
        return TargetState(_key(name, of), name, entry.type, address, of, fault=str(error))


def _state(place: Place, address: str, of: str) -> TargetState:
    entry = place.entry
    one = TargetState(
        _key(place.name, of),
        place.name,
        "" if entry is None else entry.type,
        address,
        of,
        () if entry is None else tuple(entry.send),
        place=place,
    )
    counts = with_queue(one, lambda queue: queue.counts(), _NO_OUTBOX)
    return TargetState(**{**vars(one), "counts": counts})


def _opened(site: Site) -> Callable[[str], Database]:
    """The store of the page, which stays open."""

    def opened(path: str) -> Database:
        if path != site.store:
            raise ConfigError(f"what waits for it is in another store than this page shows: {redact(path)}")
        return site.database()

    return opened


def _key(name: str, of: str) -> str:
    return hashlib.sha256(f"{name}\n{of}".encode("utf-8", "replace")).hexdigest()[:10]
