"""Lists of plates: each entry with what is known of it, when and where it holds; faults with file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from streamer.errors import ConfigError
from streamer.plates.look_alikes import as_plate
from streamer.types import Passage
from streamer.watch.rows import Row, read_bytes, rows_of

_LONGEST = 16  # characters of a plate
_MOST_SHOWN = 20
_WILD = "*?"


@dataclass(frozen=True)
class Entry:
    """One plate of a list. `plate`: as it is written; `text`: in the reader's form, "" for a pattern; `pattern`: what
    a text must match as a whole. It holds from `valid_from` until before `valid_until`, at `cameras` (names, `*` and
    `?` for some; none: all)."""

    plate: str
    text: str = ""
    pattern: re.Pattern[str] | None = None
    name: str = ""
    note: str = ""
    colour: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    cameras: tuple[str, ...] = ()
    line: int = 0

    @property
    def is_always(self) -> bool:
        """Whether it holds at any time and camera."""
        return not self.cameras and self.valid_from is None and self.valid_until is None

    def holds(self, passage: Passage) -> bool:
        """Whether it holds for a passage's camera and time; without a clock time it does."""
        if not at_camera(self.cameras, passage.camera):
            return False
        seen = passage.first_seen
        if seen is None:
            return True
        after = self.valid_from is None or seen >= self.valid_from
        return after and (self.valid_until is None or seen < self.valid_until)


@dataclass(frozen=True)
class Plates:
    """The entries of a list; `warnings`: lines about entries that are there twice."""

    entries: tuple[Entry, ...] = ()
    warnings: tuple[str, ...] = ()


def at_camera(names: Sequence[str], camera: str) -> bool:
    """Whether a camera is one of these names, with `*` and `?`; none means all."""
    return not names or any(fnmatchcase(camera, name) for name in names)


def read_list(path: Path) -> Plates:
    """The entries of a list; ConfigError with a line for every fault."""
    return parse_list(path, read_bytes(path))


def parse_list(path: Path, data: bytes) -> Plates:
    """The entries of a list with this content."""
    raw = rows_of(path, data)
    faults = list(raw.faults)
    entries = []
    for row in raw.rows:
        try:
            entries.append(_entry(row))
        except _Faults as found:
            faults += [(row.line, told) for told in found.told]
    if faults:
        faults.sort(key=lambda fault: fault[0])
        lines = [f"{path}:{line}: {told}" for line, told in faults[:_MOST_SHOWN]]
        if len(faults) > _MOST_SHOWN:
            lines.append(f"{path}: {len(faults) - _MOST_SHOWN} more faults of this kind: mend those above first")
        raise ConfigError(*lines, at=path)
    return _without_twins(path, entries)


def read_plate(plate: str) -> Entry:
    """One plate, written as in a list; ConfigError where it is none."""
    try:
        text, pattern = _read_plate(plate.strip())
    except ValueError as error:
        raise ConfigError(f"plate: {error}") from None
    return Entry(plate.strip(), text, pattern)


class _Faults(Exception):
    def __init__(self, told: Sequence[str]) -> None:
        super().__init__(*told)
        self.told = told


def _entry(row: Row) -> Entry:
    faults: list[str] = []
    plate = row.values.get("plate", "").strip()
    text, pattern = "", None
    try:
        text, pattern = _read_plate(plate)
    except ValueError as error:
        faults.append(f"plate: {error}")
    moments: list[datetime | None] = []
    for key, ends in (("from", False), ("until", True)):
        try:
            moments.append(_moment(row.values.get(key, "").strip(), ends=ends))
        except ValueError as error:
            moments.append(None)
            faults.append(f"{key}: {error}")
    begins, ends_at = moments
    if begins is not None and ends_at is not None and begins >= ends_at:
        faults.append(f"until: lies before from ({row.values['from']}): exchange the two")
    cameras = row.cameras
    if cameras is None:
        cameras = re.split(r"[;,|]", row.values.get("cameras", ""))
    names = tuple(name for one in cameras if (name := one.strip()))
    if faults:
        raise _Faults(faults)
    known = {key: row.values.get(key, "").strip() for key in ("name", "note", "colour")}
    return Entry(plate, text, pattern, **known, valid_from=begins, valid_until=ends_at, cameras=names, line=row.line)


def _read_plate(plate: str) -> tuple[str, re.Pattern[str] | None]:
    """The text of a plate, or the pattern that /.../ or wildcards stand for; ValueError says what is wrong."""
    if not plate:
        raise ValueError("is missing: give a plate, a text with * or ?, or a regular expression between slashes")
    if len(plate) > 1 and plate.startswith("/") and plate.endswith("/"):
        return "", _regular(plate[1:-1])
    wild = any(sign in plate for sign in _WILD)
    parts = re.split(r"([*?])", plate) if wild else [plate]
    texts = [part if part in _WILD else as_plate(part) for part in parts if part]
    plain = "".join(text for text in texts if text not in _WILD)
    if foreign := sorted({c for c in plain if not c.isalnum()}):
        signs = " ".join(foreign)
        raise ValueError(f"{plate!r}: no plate has {signs}: leave it out, or give a regular expression between slashes")
    if not plain:
        raise ValueError(f"{plate!r} would be any plate: give at least one of its characters")
    if len(plain) > _LONGEST:
        raise ValueError(f"{plate[:40]!r} has {len(plain)} characters, expected at most {_LONGEST}: one plate a line")
    if not wild:
        return plain, None
    signs_of = {"*": ".*", "?": "."}
    return "", re.compile("".join(signs_of.get(text, re.escape(text)) for text in texts))


def _regular(inner: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(inner, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"/{inner}/ is no regular expression ({error}): see docs.python.org/3/library/re") from None
    if not inner or pattern.fullmatch("") or pattern.fullmatch("\0" * 9):
        raise ValueError(f"/{inner}/ would match any text: name at least one character")
    return pattern


def _moment(text: str, *, ends: bool) -> datetime | None:
    """A day or a time; without an offset of this machine's zone. `ends`: a day counts to its end."""
    if not text:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            day = date.fromisoformat(text) + timedelta(days=int(ends))
            return datetime.combine(day, time()).astimezone()
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time: expected 2026-01-31 or 2026-01-31T08:00:00+08:00") from None


def _without_twins(path: Path, entries: Iterable[Entry]) -> Plates:
    """Without entries that say again what an earlier one says, which are reported."""
    first: dict[tuple[object, ...], Entry] = {}
    warnings = []
    for entry in entries:
        what = entry.text or (entry.pattern.pattern if entry.pattern else "")
        key = what, entry.pattern is None, entry.valid_from, entry.valid_until, entry.cameras
        twin = first.setdefault(key, entry)
        if twin is not entry:
            same = "is there already" if twin.plate == entry.plate else f"is the same plate as {twin.plate!r}"
            warnings.append(f"{path}:{entry.line}: plate: {entry.plate!r} {same} (line {twin.line}): left out")
    return Plates(tuple(first.values()), tuple(warnings))
