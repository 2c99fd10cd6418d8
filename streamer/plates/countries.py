"""The layout files: those of the program (configs/plates), and those of a folder of the user's own, whose countries are
added to, or replace, those of the program."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import ValidationError

from streamer.errors import ConfigError
from streamer.plates.grammar import Places, Region, TextLayout, fault_of_pattern, texts_of_layout

L = TypeVar("L", bound=TextLayout)
# Of layout files, a later folder's countries replacing those of the folders before it.
Folders = Path | tuple[Path, ...]

_SHARED = ("lists", "charset", "region")  # keys of a file that its layouts have where they set none of their own
_NEAR = 0.75
_QUOTES = " (YAML takes NO, ON and YES for truths: put them in quotes)"


def check_countries(countries: Sequence[str], folders: Folders) -> None:
    """ConfigError names a country (two letters, ISO 3166) without a layout in the folders, or a file that is not as it
    should be; those of the program are only read where they are needed."""
    several = _several(folders)
    known = known_countries(several) if countries or len(several) > 1 else set()
    for country in countries:
        if country not in known:
            codes = ", ".join(sorted(code for code in known if len(code) == 2 and code != "EU"))
            raise ConfigError(
                f"countries: {country}: nothing is known of its plates: leave it out, name a folder with a file of it "
                f"(plates, --plates), or give one of those that are known (ISO 3166, two letters): {codes}"
            )


def known_countries(folders: Folders) -> set[str]:
    """The countries that have a layout. ConfigError for a file that is not as it should be."""
    return {layout.country for layout in _layouts(_several(folders))}


def texts_of(countries: Sequence[str], folders: Folders) -> set[Places]:
    """Every text that plates of these countries may have. ConfigError as `check_countries`."""
    check_countries(countries, folders)
    wanted = (layout for layout in _layouts(_several(folders)) if layout.country in countries)
    return {text for layout in wanted for text in texts_of_layout(layout)}


@cache
def regions_of(folders: Folders) -> dict[str, Region]:
    """The region of each country whose file names one."""
    found: dict[str, Region] = {}
    for path, without in read_order(folders):
        for layout in read_file(path, TextLayout)[1]:
            if layout.region is None or layout.country in without:
                continue
            if (before := found.setdefault(layout.country, layout.region)) != layout.region:
                line = _line_of(path, ("region",))
                raise ConfigError(f"plate layouts {path}:{line}: region: {layout.country} is in {before} elsewhere")
    return found


def replacements(folders: Folders) -> list[str]:
    """A line for each file whose countries replace those of a folder before it."""
    several, lines = _several(folders), []
    for place, folder in enumerate(several[1:], 1):
        before = known_countries(several[:place])
        taken = ((path, sorted(_countries_in(path) & before)) for path in layout_files(folder))
        lines += [
            f"plates: {path}: replaces the program's layouts of {', '.join(codes)}" for path, codes in taken if codes
        ]
    return lines


def read_order(folders: Folders) -> list[tuple[Path, frozenset[str]]]:
    """The files of all folders in the order in which they are read, each with the countries of it that do not count, as
    a later folder has them."""
    several = _several(folders)
    files = [layout_files(folder) for folder in several]
    for folder, found in zip(several[1:], files[1:], strict=True):
        if not found:
            told = "holds no YAML file of a country" if folder.is_dir() else "no such folder"
            raise ConfigError(f"plates: {folder}: {told}: see docs/how-to/add-a-country.md", at=folder)
    later = [frozenset(code for path in found for code in _countries_in(path)) for found in files[1:]]
    return [(path, frozenset().union(*later[place:])) for place, found in enumerate(files) for path in found]


def layout_files(folder: Path) -> list[Path]:
    """The files of layouts in the folder, in the order in which they are read."""
    return sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml") and path.stem != "alphabet")


def read_file(path: Path, model: type[L]) -> tuple[dict[str, Any], list[L]]:
    """What a file says for all its layouts, and these, as `model`, with its lists, charset and region where they have
    none of their own. ConfigError names file, line and key."""
    data = _mapping_of(path)
    entries = data.get("layouts")
    if not isinstance(entries, list) or not entries:
        _wrong(path, ("layouts",), "expected a list of layouts")
    _check_near(path, (), data, (*_SHARED, "layouts"))
    shared = {key: data[key] for key in _SHARED if key in data}
    layouts = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            _wrong(path, ("layouts", number), "expected a mapping of keys to values")
        try:
            layouts.append(layout := model.model_validate({**shared, **entry}))
        except ValidationError as error:
            first = error.errors()[0]
            loc = (
                first["loc"]
                if first["loc"][:1] and first["loc"][0] in shared and first["loc"][0] not in entry
                else ("layouts", number, *first["loc"])
            )
            _wrong(path, loc, _told(first))
        _check_near(path, ("layouts", number), entry, tuple(TextLayout.model_fields))
        for place, pattern in enumerate(layout.patterns):
            if fault := fault_of_pattern(pattern, layout):
                _wrong(path, ("layouts", number, "patterns", place), fault)
    return data, layouts


def _several(folders: Folders) -> tuple[Path, ...]:
    return folders if isinstance(folders, tuple) else (folders,)


@cache
def _layouts(folders: tuple[Path, ...]) -> tuple[TextLayout, ...]:
    """The layouts of all files that count."""
    return tuple(
        layout
        for path, without in read_order(folders)
        for layout in read_file(path, TextLayout)[1]
        if layout.country not in without
    )


@cache
def _countries_in(path: Path) -> frozenset[str]:
    return frozenset(layout.country for layout in read_file(path, TextLayout)[1])


def _mapping_of(path: Path) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where libyaml is there
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(
            f"plate layouts {path}:{line}: not valid YAML: {error.problem or error.context}", at=path
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"plate layouts {path}: cannot be read ({error}): expected a YAML file", at=path) from None
    if not isinstance(data, dict):
        _wrong(path, (), "expected a mapping with the key layouts")
    return data


def _check_near(path: Path, loc: tuple[str | int, ...], given: dict[str, Any], known: Sequence[str]) -> None:
    """Finds a misspelt key among those that say how plates look, which are only checked where plates are drawn."""
    for key in given:
        near = difflib.get_close_matches(str(key), known, 1, _NEAR)
        if near and key not in known:
            _wrong(path, (*loc, key), f"unknown key: did you mean {near[0]!r}?")


def _told(fault: Any) -> str:
    quotes = _QUOTES if isinstance(fault.get("input"), bool) else ""
    if fault["type"] == "string_pattern_mismatch":
        return f"expected the two letters of a country in upper case, like DE, not {fault['input']!r}"
    return f"{fault['msg'][0].lower()}{fault['msg'][1:]}{quotes}"


def _wrong(path: Path, loc: tuple[str | int, ...], told: str) -> NoReturn:
    key = ".".join(map(str, loc))
    where = f"{path}:{_line_of(path, loc)}: {key}" if key else f"{path}:1"
    raise ConfigError(f"plate layouts {where}: {told}", at=path, key=key or None)


def _line_of(path: Path, loc: tuple[str | int, ...]) -> int:
    """The line of a key, or of the nearest one above it that is in the file."""
    node, line = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader), 1
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            key = node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == str(part)]
            if not found:
                break
            key, node = found[-1]
        else:
            break
        line = key.start_mark.line + 1
    return line
