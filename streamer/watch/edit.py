"""One entry of a list of plates added, changed or taken out in its file; every other line stays as it is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamer.config.replaced import digest_of, replace_file
from streamer.config.yaml_text import edited, mapping, scalar
from streamer.errors import ConfigError
from streamer.watch.lists import Entry, Plates, parse_list
from streamer.watch.rows import COLUMNS, column_of, read_bytes

Values = Mapping[str, str]  # by column; empty ones are not written


@dataclass(frozen=True)
class OpenedList:
    """A list as it is in its file. `digest`: for a change of it; `columns`: what its entries can have."""

    path: Path
    plates: Plates
    digest: str
    columns: tuple[str, ...]


def open_list(path: Path) -> OpenedList:
    """The list; ConfigError names each fault."""
    data = read_bytes(path)
    return OpenedList(path, parse_list(path, data), digest_of(data), _columns_of(path))


def written(entry: Entry) -> dict[str, str]:
    """The values of an entry, as a form shows them."""
    times = {"from": entry.valid_from, "until": entry.valid_until}
    values = {"plate": entry.plate, "name": entry.name, "note": entry.note, "colour": entry.colour}
    values |= {key: "" if at is None else at.isoformat() for key, at in times.items()}
    return values | {"cameras": "; ".join(entry.cameras)}


def add(path: Path, values: Values, *, seen: str) -> str:
    """Adds an entry at the end; gives the file's new digest. `seen`: the digest of the list that was looked at."""
    return _changed(path, seen, values, lambda text: _FORMS[_form(path)].added(path, text, _cleaned(values)))


def change(path: Path, line: int, values: Values, *, seen: str) -> str:
    """Gives the entry that begins in this line these values; of a column that is not given it keeps its own."""
    return _changed(path, seen, values, lambda text: _FORMS[_form(path)].changed(path, text, line, _cleaned(values)))


def remove(path: Path, line: int, *, seen: str) -> str:
    """Takes out the entry that begins in this line."""
    return _changed(path, seen, None, lambda text: _FORMS[_form(path)].changed(path, text, line, None))


def _changed(path: Path, seen: str, values: Values | None, edit: Callable[[str], str]) -> str:
    def edit_bytes(data: bytes) -> bytes:
        text = data.decode("utf-8-sig")
        mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
        return (mark + edit(text)).encode()

    def check(_: Path, data: bytes) -> None:
        plates = parse_list(path, data)  # faults are named by the list's own name
        if values is not None and plates.warnings:
            before = parse_list(path, read_bytes(path)).warnings
            if new := [line for line in plates.warnings if line not in before]:
                raise ConfigError(new[0].removesuffix(": left out"), at=path)

    return replace_file(path, seen, edit_bytes, check)


def _cleaned(values: Values) -> dict[str, str]:
    """By column; line ends are no part of a value."""
    out = {}
    for key, value in values.items():
        name, hint = column_of(key)
        if name is None:
            raise ConfigError(f"{key}: {hint}")
        out[name] = " ".join(value.split())
    return out


class _Txt:
    """One plate a line."""

    @staticmethod
    def added(path: Path, text: str, values: dict[str, str]) -> str:
        return _ended(text) + _Txt._line(path, values) + _end_of(text)

    @staticmethod
    def changed(path: Path, text: str, line: int, values: dict[str, str] | None) -> str:
        lines = text.splitlines(keepends=True)
        plain = _at(path, lines, line)
        if values is None:
            lines[line - 1] = ""
        elif "plate" in values:
            plate, mark, comment = plain.partition("#")
            after = plate[len(plate.rstrip()) :] if mark else plain[len(plain.rstrip()) :]
            lines[line - 1] = _Txt._line(path, values) + after + mark + comment
        return "".join(lines)

    @staticmethod
    def _line(path: Path, values: dict[str, str]) -> str:
        for key, value in values.items():
            if key != "plate" and value:
                raise ConfigError(f"{key}: {path.name} holds plates alone: keep the list as .csv or .yaml for more")
        return values["plate"]


class _Csv:
    """Rows with columns. A column that the file lacks is added to its heading."""

    @staticmethod
    def added(path: Path, text: str, values: dict[str, str]) -> str:
        delimiter = _delimiter(path, text)
        if not text.strip():
            names = ["plate", *(key for key in COLUMNS if key != "plate" and values.get(key))]
            return _row(names, delimiter, "\n") + _row([values[name] for name in names], delimiter, "\n")
        text, names = _Csv._headed(path, text, values, delimiter)
        return _ended(text) + _row([values.get(name, "") for name in names], delimiter, _end_of(text))

    @staticmethod
    def changed(path: Path, text: str, line: int, values: dict[str, str] | None) -> str:
        delimiter = _delimiter(path, text)
        if values is not None:
            text, names = _Csv._headed(path, text, values, delimiter)
        lines = _lines(text)
        for first, last, cells in _records(text, delimiter):
            if first == line:
                row = ""
                if values is not None:
                    cells += [""] * (len(names) - len(cells))
                    for k, name in enumerate(names):
                        cells[k] = values.get(name, cells[k]) if name else cells[k]
                    ends = lines[last - 1][len(lines[last - 1].rstrip("\r\n")) :]
                    row = _row(cells, delimiter, ends)
                return "".join([*lines[: first - 1], row, *lines[last:]])
        raise _gone(path, line)

    @staticmethod
    def _headed(path: Path, text: str, values: dict[str, str], delimiter: str) -> tuple[str, list[str]]:
        """The text with a heading that has every column that is given, and its columns."""
        _, last, cells = next(_records(text, delimiter))
        names = [column_of(cell)[0] or "" for cell in cells]
        wanted = [key for key, value in values.items() if value and key not in names]
        if "plate" not in names:  # one column without a heading
            if len(cells) != 1 or wanted != ["plate"]:
                raise ConfigError(f"{path.name}: has no heading: begin it with a line like {','.join(COLUMNS[:3])}")
            return text, ["plate"]
        if not wanted:
            return text, names
        lines = _lines(text)
        plain = lines[last - 1].rstrip("\r\n")
        lines[last - 1] = delimiter.join([plain, *wanted]) + (lines[last - 1][len(plain) :] or _end_of(text))
        return "".join(lines), names + wanted


class _Yaml:
    """A list, or `plates:` with one; entries are texts or mappings."""

    @staticmethod
    def added(path: Path, text: str, values: dict[str, str]) -> str:
        def change(value: Any) -> Any:
            entry = _Yaml._entry(values)
            if value is None:
                return [entry]
            if isinstance(value, dict):
                if not value.get("plates"):
                    value["plates"] = []
                value["plates"].append(entry)
            else:
                value.append(entry)
            return value

        return edited(text, change)

    @staticmethod
    def changed(path: Path, text: str, line: int, values: dict[str, str] | None) -> str:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        nodes = _Yaml._nodes(root)
        number = next((k for k, node in enumerate(nodes.value) if node.start_mark.line + 1 == line), None)
        if number is None:
            raise _gone(path, line)
        node = nodes.value[number]
        if values is None and not nodes.flow_style and len(nodes.value) > 1:
            lines = _lines(text)  # so that comments between entries stay
            return "".join([*lines[: line - 1], *lines[_last_line(node) + 1 :]])

        def change(value: Any) -> Any:
            entries = value["plates"] if isinstance(value, dict) else value
            if values is None:
                del entries[number]
            elif isinstance(entries[number], dict):
                own = {column_of(str(key))[0]: key for key in entries[number]}
                for name, wanted in values.items():
                    if wanted and not _Yaml._is_so(entries[number].get(own.get(name)), wanted):
                        entries[number][own.get(name, name)] = scalar(wanted)
                    elif not wanted and name in own:
                        del entries[number][own[name]]
            elif any(wanted for name, wanted in values.items() if name != "plate"):
                entries[number] = _Yaml._entry({"plate": str(entries[number]), **values})
            elif values.get("plate") and str(entries[number]) != values["plate"]:
                entries[number] = scalar(values["plate"])
            return value

        return edited(text, change)

    @staticmethod
    def _is_so(before: Any, wanted: str) -> bool:
        if isinstance(before, list):
            return [str(one) for one in before] == [one.strip() for one in wanted.split(";")]
        return before is not None and str(before) == wanted

    @staticmethod
    def _entry(values: dict[str, str]) -> Any:
        given = {key: scalar(value) for key, value in values.items() if value}
        return given["plate"] if set(given) == {"plate"} else mapping(given)

    @staticmethod
    def _nodes(root: Any) -> Any:
        if isinstance(root, yaml.MappingNode):
            return next(value for key, value in root.value if key.value == "plates")
        return root


def _last_line(node: yaml.Node) -> int:
    """The last line with something of the node; its end mark may lie behind comments."""
    if isinstance(node, yaml.MappingNode):
        return max((_last_line(part) for pair in node.value for part in pair), default=int(node.start_mark.line))
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return max((_last_line(part) for part in node.value), default=int(node.start_mark.line))
    return int(node.end_mark.line) - (node.end_mark.column == 0)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """The rows of a CSV with their first and last line, without comments and empty ones."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    begins = 1
    for cells in reader:
        first, begins = begins, reader.line_num + 1
        if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
            yield first, reader.line_num, cells


def _lines(text: str) -> list[str]:
    """As a reader of CSV counts them."""
    return list(io.StringIO(text, newline=""))


def _delimiter(path: Path, text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first.count)


def _row(cells: list[str], delimiter: str, ends: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=ends).writerow(cells)
    return out.getvalue()


def _at(path: Path, lines: list[str], line: int) -> str:
    if not 0 < line <= len(lines) or not lines[line - 1].partition("#")[0].strip():
        raise _gone(path, line)
    return lines[line - 1]


def _gone(path: Path, line: int) -> ConfigError:
    return ConfigError(f"{path}:{line}: no entry begins there: look at the list again", at=path)


def _end_of(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + _end_of(text)


_FORMS: dict[str, Any] = {"txt": _Txt, "csv": _Csv, "yaml": _Yaml}


def _form(path: Path) -> str:
    return {".tsv": "csv", ".csv": "csv", ".txt": "txt"}.get(path.suffix.lower(), "yaml")


def _columns_of(path: Path) -> tuple[str, ...]:
    return ("plate",) if _form(path) == "txt" else COLUMNS
