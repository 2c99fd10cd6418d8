"""The rows of a list of plates as they are written: CSV, TXT and YAML, every value as its text, each with its line."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from streamer.errors import ConfigError

COLUMNS = ("plate", "name", "note", "colour", "from", "until", "cameras")
_OTHER_NAMES = {
    "color": "colour", "valid_from": "from", "valid_until": "until", "to": "until", "camera": "cameras",
    "plate_number": "plate", "licence_plate": "plate", "license_plate": "plate",
}  # fmt: skip
_MOST_BYTES = 64_000_000
_SUFFIXES = "a list is a .csv, .tsv, .txt, .yaml or .yml file"


@dataclass
class Row:
    """One plate as it is written. `values`: texts by column; `cameras`: a YAML list, else None."""

    line: int
    values: dict[str, str]
    cameras: list[str] | None = None


@dataclass
class RawList:
    """The rows of a file, and what is wrong with it: line and text of each fault."""

    rows: list[Row] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def read_bytes(path: Path) -> bytes:
    """The content of a list; ConfigError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such list of plates: check the path", at=path) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): give a file; {_SUFFIXES}", at=path) from None
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{path}: larger than {_MOST_BYTES // 1_000_000} MB: give a list of plates", at=path)
    return data


def rows_of(path: Path, data: bytes) -> RawList:
    """The rows of a list with this content; ConfigError where the whole cannot be read."""
    parse = _FORMATS.get(path.suffix.lower())
    if parse is None:
        raise ConfigError(f"{path}: unknown kind of list ({path.suffix or 'no suffix'}): {_SUFFIXES}", at=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: cannot be read as UTF-8 text (byte 0x{data[error.start]:02x}): save the file as UTF-8 "
            "(in Excel: CSV UTF-8)",
            at=path,
        ) from None
    return parse(path, text)


def column_of(written: str) -> tuple[str | None, str]:
    """The column that a heading or key names, or None and why not."""
    name = re.sub(r"[\s-]+", "_", written.strip().lower())
    name = _OTHER_NAMES.get(name, name)
    if name in COLUMNS:
        return name, ""
    near = difflib.get_close_matches(name, COLUMNS, 1)
    return None, f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(COLUMNS)}"


def _txt(_: Path, text: str) -> RawList:
    raw = RawList()
    for number, line in enumerate(text.splitlines(), 1):
        plate = re.sub(r"(^|\s)#.*", "", line).strip()
        if plate:
            raw.rows.append(Row(number, {"plate": plate}))
    return raw


def _csv(path: Path, text: str) -> RawList:
    raw = RawList()
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    names: list[str] | None = None
    begins = 1
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            if names is None:
                names = _headings(cells, line, raw)
                if "plate" not in names:
                    break
                if names != ["plate"] or column_of(cells[0])[0] == "plate":
                    continue
            if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
                told = (
                    f"{len(cells)} values where the heading names {len(names)}: put a text with {delimiter!r} in quotes"
                )
                raw.faults.append((line, told))
                continue
            values = {name: _unwrapped(cell) for name, cell in zip(names, cells, strict=False) if name}
            raw.rows.append(Row(line, values))
    except csv.Error as error:
        raw.faults.append((reader.line_num, f"not valid CSV ({error}): check the quotes of this line"))
    return raw


def _headings(cells: list[str], line: int, raw: RawList) -> list[str]:
    """The columns; of a file of one column without a heading: plate."""
    found = [column_of(cell) for cell in cells]
    if len(cells) == 1 and found[0][0] is None:
        return ["plate"]
    names = [name or "" for name, _ in found]
    if "plate" not in names:
        told = f"no column 'plate' in the heading: begin the file with a line like {','.join(COLUMNS[:3])}"
        raw.faults.append((line, told))
        return names
    for cell, (name, hint) in zip(cells, found, strict=True):
        if name is None and cell.strip():
            raw.faults.append((line, f"unknown column {cell.strip()!r}: {hint}"))
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        raw.faults.append((line, f"two columns are {name!r}: leave one out"))
    return names


def _unwrapped(cell: str) -> str:
    """A spreadsheet's way to keep 0123 a text: ="0123"."""
    found = re.fullmatch(r'="(.*)"', cell.strip())
    return found[1] if found else cell.strip()


def _yaml(path: Path, text: str) -> RawList:
    """`plates:` with a list, or a list alone; entries are texts, or mappings by column. Nothing is resolved: NO, 0123
    and 1e5 are texts."""
    raw = RawList()
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        hint = 'put a plate with special characters in quotes, "..."'
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem or error.context}: {hint}", at=path) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{path}:{line}: not valid YAML: the character #x{error.character:04x} is not allowed: delete it", at=path
        ) from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deep: give a list of plates", at=path) from None
    if root is None:
        return raw
    if isinstance(root, yaml.MappingNode):
        wanted = None
        for key, value in root.value:
            line = key.start_mark.line + 1
            if key.value != "plates":
                raw.faults.append((line, f"unknown key {_shown(key)}: a list has the key plates"))
            elif wanted is not None:
                raw.faults.append((line, "plates: is given twice: join the two lists"))
            else:
                wanted = value
        if wanted is None and not raw.faults:
            raw.faults.append((1, "the key plates is missing: write plates: and the plates below it"))
        root = wanted
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        return raw
    if not isinstance(root, yaml.SequenceNode):
        raw.faults.append(
            (root.start_mark.line + 1, "plates: expected a list, each plate a line that begins with '- '")
        )
        return raw
    for node in root.value:
        _yaml_row(node, raw)
    return raw


def _yaml_row(node: yaml.Node, raw: RawList) -> None:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        raw.rows.append(Row(line, {"plate": node.value}))
        return
    if not isinstance(node, yaml.MappingNode):
        raw.faults.append((line, "expected a plate, or a mapping like {plate: AB123, name: ...}"))
        return
    row, good = Row(line, {}), True
    for key, value in node.value:
        at = key.start_mark.line + 1
        name, hint = column_of(key.value) if isinstance(key, yaml.ScalarNode) else (None, "put it in quotes")
        if name is None:
            raw.faults.append((at, f"unknown key {_shown(key)}: {hint}"))
        elif name in row.values or (name == "cameras" and row.cameras is not None):
            raw.faults.append((at, f"{name}: is given twice: leave one out"))
        elif isinstance(value, yaml.ScalarNode):
            row.values[name] = value.value
            continue
        elif name == "cameras" and isinstance(value, yaml.SequenceNode) and _texts(value) is not None:
            row.cameras = _texts(value)
            continue
        else:
            raw.faults.append((at, f"{name}: expected a text{' or a list of names' if name == 'cameras' else ''}"))
        good = False
    if good:
        raw.rows.append(row)


def _texts(node: yaml.SequenceNode) -> list[str] | None:
    parts: Iterator[yaml.Node] = iter(node.value)
    texts = [part.value for part in parts if isinstance(part, yaml.ScalarNode)]
    return texts if len(texts) == len(node.value) else None


def _shown(node: yaml.Node) -> str:
    return repr(str(node.value)[:40]) if isinstance(node, yaml.ScalarNode) else "(no plain name)"


_FORMATS: dict[str, Callable[[Path, str], RawList]] = {
    ".csv": _csv, ".tsv": _csv, ".txt": _txt, ".yaml": _yaml, ".yml": _yaml,
}  # fmt: skip
