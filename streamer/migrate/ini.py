"""Files of KEY = VALUE with sections and, in brackets within brackets, sections of sections."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from streamer.errors import ConfigError

_SECTION = re.compile(r"(\[+)\s*(.+?)\s*(\]+)")
_QUOTES = "'\""


@dataclass
class IniSection:
    """`values`: every value of each key, with its line; a key may be there several times."""

    name: str = ""
    line: int = 0
    values: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    sections: list[IniSection] = field(default_factory=list)


def parsed(text: str, name: str) -> IniSection:
    """The file as a tree. `#` and `;` begin comments. ConfigError names file and line of what is neither a section nor
    KEY = VALUE."""
    root = IniSection()
    path = [root]
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        head = _SECTION.fullmatch(_without_comment(line))
        if head is not None and len(head.group(1)) == len(head.group(3)):
            depth = len(head.group(1))
            if depth > len(path):
                raise ConfigError(f"{name}:{number}: section {head.group(2)!r} is nested too deep: leave out a [")
            section = IniSection(head.group(2).strip(_QUOTES), number)
            path[depth - 1].sections.append(section)
            path = [*path[:depth], section]
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{name}:{number}: expected [SECTION] or KEY = VALUE, got {key.strip()[:40]!r}")
        path[-1].values.setdefault(key.strip(), []).append((number, _unquoted(_without_comment(value.strip()))))
    return root


def words(value: str) -> list[str]:
    """The parts of a list with commas."""
    return [_unquoted(part.strip()) for part in value.strip("[]").split(",") if part.strip()]


def _without_comment(value: str) -> str:
    """Without a comment behind it; a # within quotes or within a word (of a password) is none."""
    if value[:1] in _QUOTES and value[:1]:
        end = value.find(value[0], 1)
        return value[: end + 1] if end > 0 else value
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0] else value
