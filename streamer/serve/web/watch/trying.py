"""What a plate would do on a list: whether the list has it, and which kept passages it would have matched, and why."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.errors import ConfigError
from streamer.serve.web.roles import User
from streamer.serve.web.watch.lists import ListOfPlates
from streamer.store.database import Database
from streamer.store.kept import newest_passages
from streamer.types import Passage
from streamer.watch.lists import Entry, read_plate
from streamer.watch.traffic import Traffic
from streamer.watch.trial import Trial, Trials
from streamer.watch.watcher import OpenList

_PASSAGES = 2000  # the newest that are compared
_SHOWN = 20


@dataclass(frozen=True)
class Tried:
    """`on`: entries of the list that are this plate; `trials`: passages that it would have matched, the likeliest
    first, `matching` of `compared`; `threshold`: of likelihood, None where only whole texts would match."""

    plate: str
    on: tuple[Entry, ...] = ()
    trials: tuple[Trial, ...] = ()
    matching: int = 0
    compared: int = 0
    threshold: float | None = None
    mode: str = ""


def tried(chosen: ListOfPlates, plate: str, store: Database | None, user: User) -> Tried:
    """Compares a plate, written as in a list; ConfigError where it is none."""
    entry = read_plate(plate)
    on = tuple(one for one in chosen.entries() if _same(one, entry))
    traffic, count = _traffic(chosen), len(chosen.entries()) + (not on)
    trials = Trials(entry, traffic, count, chosen.config.max_false_per_week)
    kept: list[Passage] = [] if store is None else newest_passages(store, _PASSAGES, user.cameras)
    mode = chosen.config.chosen_mode
    found = [one for one in trials.of(kept) if one.found]
    found.sort(key=lambda one: (mode in one.found, len(one.found), one.score or 0.0), reverse=True)
    threshold = trials.threshold if trials.threshold < 1e9 else None
    matching = sum(mode in one.found for one in found)
    return Tried(entry.plate, on, tuple(found[:_SHOWN]), matching, len(kept), threshold, mode)


def _same(one: Entry, wanted: Entry) -> bool:
    """Whether an entry is this plate, or its pattern fits it."""
    if one.pattern is not None and wanted.text:
        return one.pattern.fullmatch(wanted.text) is not None
    return bool(wanted.text) and one.text == wanted.text


def _traffic(chosen: ListOfPlates) -> Traffic:
    try:
        return OpenList(chosen.config).traffic
    except ConfigError:
        return Traffic()
