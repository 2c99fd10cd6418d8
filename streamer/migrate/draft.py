"""A configuration that is being put together from another program's: its cameras and settings, and notes on what has no
counterpart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

import yaml

from streamer.config.outputs import TYPES
from streamer.engine.zoo import plate_folders
from streamer.plates.countries import known_countries

_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/\s:@]*):(.*)@(?=[^@/]+(?:/|$|\?|:))")


@dataclass(frozen=True)
class Note:
    """What became of a setting of the other program. `key`: its place there; `line`: 0 where unknown."""

    key: str
    told: str
    line: int = 0


@dataclass
class Camera:
    """One camera. `comments`: lines to stand under it, as suggestions."""

    name: str
    settings: dict[str, Any]
    comments: list[str] = field(default_factory=list)


@dataclass
class Draft:
    """What is taken over. `secrets`: passwords of addresses by the variable that stands for each; `plates`: known
    plates, each with its name."""

    of: str
    cameras: list[Camera] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    plates: list[tuple[str, str]] = field(default_factory=list)

    def note(self, key: str, told: str, line: int = 0) -> None:
        note = Note(key, told, line)
        if note not in self.notes:
            self.notes.append(note)

    def add_camera(self, name: str, settings: dict[str, Any]) -> Camera:
        """Adds a camera under a name that no other has."""
        known = {camera.name for camera in self.cameras}
        unique = next(n for n in (name, *(f"{name}-{i}" for i in range(2, len(known) + 3))) if n not in known)
        camera = Camera(unique, settings)
        self.cameras.append(camera)
        return camera

    def address(self, camera: str, url: str) -> str:
        """The address with a variable in place of its password, which goes into `secrets`."""
        found = _CREDENTIALS.match(url)
        if found is None or "${" in found.group(3):
            return url
        variable = re.sub(r"\W", "_", camera, flags=re.A).upper().strip("_") or "CAMERA"
        variable = f"{'C' if variable[0].isdigit() else ''}{variable}_PASSWORD"
        secret = unquote(found.group(3))
        while self.secrets.get(variable, secret) != secret:
            variable += "_2"
        self.secrets[variable] = secret
        return f"{found.group(1)}{found.group(2)}:${{{variable}}}@{url[found.end() :]}"

    def countries(self, key: str, codes: Iterable[str], line: int = 0) -> list[str]:
        """The countries of regions like `us-ca`; notes those of which this program knows no plates."""
        wanted: list[str] = []
        for code in codes:
            country, _, part = code.strip().upper().replace("_", "-").partition("-")
            country = {"UK": "GB", "EL": "GR"}.get(country, country)
            if len(country) != 2 or country not in _known():
                self.note(key, f"{code}: no country whose formats are known here", line)
                continue
            if part:
                self.note(key, f"{code}: {country}; formats of states and provinces are not told apart", line)
            if country not in wanted:
                wanted.append(country)
        return wanted

    def text(self) -> str:
        """The configuration as YAML, the notes as comments at its head."""
        lines = [f"# Made by alpr migrate {self.of}. Check it: alpr check FILE; all keys: docs/configuration.md"]
        if self.secrets:
            lines.append(f"# Set in the environment: {', '.join(self.secrets)}")
        if self.notes:
            lines.append("#\n# Not taken over as it was:")
            lines += [f"#   {one_line(f'{note.key}: {note.told}')}" for note in self.notes]
        lines.append("")
        if self.settings:
            lines.append(_yaml(self.settings))
        if self.cameras:
            lines.append("cameras:")
            for camera in self.cameras:
                lines.append(_indented(_yaml({camera.name: camera.settings})))
                lines += [
                    f"    # {' ' * (len(comment) - len(comment.lstrip(' ')))}{one_line(comment)}"
                    for comment in camera.comments
                ]
        return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    return " ".join(text.split())


def has_output(kind: str) -> bool:
    """Whether this program has that type of output."""
    return kind in TYPES


def seconds(text: str) -> float | int | None:
    """A number of seconds; None where the text is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() else value


def name_of(text: str) -> str:
    """A camera's name in one line."""
    return one_line(text) or "camera"


@cache
def _known() -> frozenset[str]:
    return frozenset(known_countries(plate_folders(None)))


class _Dumper(yaml.SafeDumper):
    """Writes short lists and mappings in one line."""


def _sequence(dumper: _Dumper, value: Sequence[Any]) -> yaml.Node:
    short = all(not isinstance(one, dict | list) for one in value) or all(isinstance(one, list) for one in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=short)


_Dumper.add_representer(list, _sequence)


def _yaml(values: dict[str, Any]) -> str:
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000).rstrip("\n")


def flow(values: dict[str, Any]) -> str:
    """A mapping in one line."""
    text = yaml.dump(values, Dumper=yaml.SafeDumper, default_flow_style=True, sort_keys=False, allow_unicode=True,
                     width=100_000)  # fmt: skip
    return text.strip()


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
