"""A YAML file whose names and values stay as they were written, with the line of each.

YAML takes `on`, `NO`, `007`, `12:30` and `1e3` for truths, numbers and times. Here every plain value is its text, and
only what a key is declared as (config.py) decides whether it becomes a number; `null`, `~` and nothing at all are None.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from streamer.errors import ConfigError

Loc = tuple[str | int, ...]

_DEEPEST = 40
_MOST = 50_000  # values, what aliases stand for counted again
_NULL, _MERGE = "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "timestamp", "seq", "map", "null")}
_HINTS = (
    ("'\\t'", "indent with spaces, not with tabs"),
    ("cannot start any token", 'put text that begins with a special character in quotes, "..."'),
    ("undefined alias", 'put text that begins with * in quotes, "*..."'),
    ("mapping values are not allowed", 'put text with a colon and a space in quotes, "...", or mind the indentation'),
    ("could not find expected ':'", "expected KEY: VALUE, or mind the indentation"),
    ("another document", "leave out the line ---"),
)


class _Loader(yaml.SafeLoader):
    """Knows of plain values only which are nothing, and the merge key <<."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in (_NULL, _MERGE)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class YamlFile:
    """`values`: the mapping in the file; `faults`: line and text of what is wrong with it but does not hide the rest.
    ConfigError where it cannot be read at all. `text`: a value alone in place of the file, `root` then."""

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        self.faults: list[tuple[int, str]] = []
        self._line: dict[tuple[str, ...], int] = {}
        self._count = 0
        self.root: Any = None
        alone = text is not None
        root = self._root(_text_of(path) if text is None else text)
        if alone:
            self.root = None if root is None else self._value(root, (), ())
            self.values: dict[str, Any] = {}
            return
        if root is not None and not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"{path}:1: expected a mapping of keys to values, one a line: KEY: VALUE", at=path)
        self.values = {} if root is None else self._mapping(root, (), ())

    def line_of(self, loc: Loc) -> int:
        """The line of a key, or of the nearest one above it that is in the file."""
        names = tuple(str(part) for part in loc)
        return next((self._line[names[:n]] for n in range(len(names), 0, -1) if names[:n] in self._line), 1)

    def has(self, loc: Loc) -> bool:
        """Whether the key is in the file."""
        return tuple(str(part) for part in loc) in self._line

    def _root(self, text: str) -> yaml.Node | None:
        try:
            return self._compose(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._invalid(mark.line + 1 if mark else 1, str(error.problem or error.context)) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise self._invalid(line, f"the character #x{error.character:04x} is not allowed") from None

    def _compose(self, text: str) -> yaml.Node | None:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):  # composing takes a call each level
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise self._invalid(line, f"nested deeper than {_DEEPEST} levels")
        return yaml.compose(text, Loader=_Loader)

    def _invalid(self, line: int, problem: str) -> ConfigError:
        hint = next((f": {hint}" for sign, hint in _HINTS if sign in problem), "")
        told = problem.split("'")[0].strip() if "alias" in problem else problem  # it may be a part of a password
        return ConfigError(f"{self.path}:{line}: not valid YAML: {told}{hint}")

    def _value(self, node: yaml.Node, place: tuple[str, ...], within: tuple[int, ...]) -> Any:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > _MOST:
            raise self._invalid(line, f"more than {_MOST} values")
        if id(node) in within:
            raise self._invalid(line, "it holds itself")
        if node.tag not in _PLAIN:
            raise self._invalid(line, f"unknown tag {node.tag.removeprefix('tag:yaml.org,2002:')}")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place, (*within, id(node)))
        if isinstance(node, yaml.SequenceNode):
            parts = []
            for number, one in enumerate(node.value):
                self._line[*place, str(number)] = one.start_mark.line + 1
                parts.append(self._value(one, (*place, str(number)), (*within, id(node))))
            return parts
        return None if node.tag == _NULL else node.value

    def _mapping(self, node: yaml.MappingNode, place: tuple[str, ...], within: tuple[int, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        given: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                for name, one in self._merged(value, place, within).items():
                    merged.setdefault(name, one)
                continue
            if not isinstance(key, yaml.ScalarNode):
                hint = 'put text with braces or brackets in quotes, "{...}"'
                self.faults.append((line, f"{'.'.join(place) or 'the file'}: a key must be a plain name: {hint}"))
                continue
            name = str(key.value)
            here = (*place, name)
            if name in given:
                self.faults.append((line, f"{'.'.join(here)}: already given in line {given[name]}"))
                continue
            given[name] = self._line[here] = line
            values[name] = self._value(value, here, within)
        return {**merged, **values}

    def _merged(self, node: yaml.Node, place: tuple[str, ...], within: tuple[int, ...]) -> dict[str, Any]:
        """What `<<: *name` or `<<: [*one, *other]` brings along."""
        value = self._value(node, place, within)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            line = node.start_mark.line + 1
            self.faults.append((line, f"{'.'.join((*place, '<<'))}: expected a mapping to merge, like *name"))
            return {}
        return {name: one for part in reversed(parts) for name, one in part.items()}


def value_of(text: str, name: str) -> Any:
    """The value that a text in YAML stands for, as it would in a file; ConfigError, which begins with `name`, where it
    is not YAML."""
    try:
        file = YamlFile(Path(name), text)
    except ConfigError as error:
        raise ConfigError(str(error).replace(f"{Path(name)}:1:", f"{name}:", 1)) from None
    if file.faults:
        raise ConfigError(f"{name}: {file.faults[0][1]}")
    return file.root


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file: check the path", at=path) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): give a YAML file", at=path) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: cannot be read as UTF-8 text (byte 0x{data[error.start]:02x}): save the file as UTF-8",
            at=path,
        ) from None
