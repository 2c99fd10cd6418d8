"""Readings put right by hand: the passage gets the text, what was read stays in its history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from streamer.errors import ConfigError
from streamer.plates.look_alikes import as_plate
from streamer.store.audit import note, user
from streamer.store.database import Database
from streamer.store.hashing import is_hashed
from streamer.store.schema import corrections, passages
from streamer.store.times import now
from streamer.store.write import Writer, with_names

_LONGEST = 16  # characters of a plate
_OF_ANOTHER = {"char_confidence"}  # details that are about the text that was read


@dataclass(frozen=True)
class Correction:
    """Who put `after` in place of `before`, and when (microseconds); the same text twice: it was confirmed."""

    event_id: str
    at: int
    who: str
    before: str
    after: str


def plate_text(written: str) -> str:
    """A plate as the store has it; ConfigError where it can be none. `?`: a character that nobody can read."""
    text = "".join("?" if part == "?" else as_plate(part) for part in written)
    if foreign := sorted({c for c in text if not (c.isalnum() or c == "?")}):
        raise ConfigError(f"{written!r}: no plate has {' '.join(foreign)}: leave it out")
    if not text.strip("?"):
        raise ConfigError(f"{written!r}: names no character: write the plate, ? for what cannot be read")
    if len(text) > _LONGEST:
        raise ConfigError(f"{written[:40]!r}: {len(text)} characters, expected at most {_LONGEST}")
    return text


def correct(database: Database, event_id: str, written: str, *, who: str | None = None) -> Correction:
    """Gives a passage this text, or confirms that it has it; noted in the audit log. ConfigError where there is no such
    passage, or its plate is kept as a hash."""
    text, who = plate_text(written), who or user()
    writer = Writer(database)
    with writer.transaction() as connection:
        row = with_names().where(passages.c.event_id == event_id).with_for_update(of=passages)
        found = connection.execute(row).mappings().one_or_none()
        if found is None:
            raise ConfigError(f"{event_id}: no such passage: it may have been deleted")
        if is_hashed(found["plate"]):
            raise ConfigError(f"{event_id}: its plate is kept as a hash: nobody can put that right")
        made = Correction(event_id, now(), who, found["plate"], text)
        values = {"passage_id": found["id"], "at": made.at, "who": who, "before": made.before, "after": text}
        connection.execute(corrections.insert(), values)
        if text != made.before:
            writer.archive(connection, dict(found))
            details = {k: v for k, v in json.loads(found["details"]).items() if k not in _OF_ANOTHER}
            changes = {
                "plate_id": writer.plate(connection, text),
                "revision": found["revision"] + 1,
                "stored_at": made.at,
                "details": json.dumps(details, ensure_ascii=False, separators=(",", ":")),
            }
            connection.execute(update(passages).where(passages.c.id == found["id"]).values(changes))
        note(connection, "correct", {"event_id": event_id}, rows=1, who=who)  # no plate: one may have to be erased
    return made


def corrections_of(connection: Connection, passage_ids: Sequence[int]) -> dict[int, list[Correction]]:
    """Those of each passage, the oldest first."""
    statement = (
        select(corrections, passages.c.event_id)
        .join(passages, corrections.c.passage_id == passages.c.id)
        .where(corrections.c.passage_id.in_(list(passage_ids)))
        .order_by(corrections.c.id)
    )
    out: dict[int, list[Correction]] = {}
    for row in connection.execute(statement):
        made = Correction(row.event_id, row.at, row.who, row.before, row.after)
        out.setdefault(row.passage_id, []).append(made)
    return out
