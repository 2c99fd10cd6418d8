"""Messages for what pydantic finds wrong with settings: every fault, its key, and the likely one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from streamer.config.load import YamlFile
from streamer.config.overlay import Change
from streamer.config.secrets import Secrets
from streamer.config.urls import redact
from streamer.errors import ConfigError

Loc = tuple[str | int, ...]
S = TypeVar("S", bound=BaseModel)

_NEAR = 0.6
_SIBLING = 0.1  # by how much a key of the same place is likelier meant
_EXPECTED = {
    "dict_type": "expected a mapping of names to values",
    "model_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
    "string_type": "expected a text",
    "missing": "is missing",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
}


def read_settings(path: Path | None, schema: type[S], changes: Sequence[Change] = ()) -> S:
    """The settings in a YAML file (None: the defaults) with the changes laid over them. ConfigError lists every fault
    with its file, line and key (or the option it comes from), and the nearest valid one."""
    file = None if path is None else YamlFile(path)
    values = {} if file is None else file.values
    places = [(change.apply(values), change) for change in changes]
    faults: list[tuple[int, str]] = []
    settings, key = None, None
    if file is not None:
        faults = [(line, f"{path}:{line}: {told}") for line, told in file.faults]
    try:
        settings = schema.model_validate(values)
    except ValidationError as error:
        for loc, told in faults_of(error, schema):
            key = key or ".".join(map(str, loc))
            change = _cause(loc, places, file)
            if change is not None:
                faults.append((0, f"{change.told(loc)}: {told}"))
            else:
                line = 1 if file is None else file.line_of(loc)
                faults.append((line, f"{path}:{line}: {'.'.join(map(str, loc))}: {told}"))
    if settings is None or faults:
        raise ConfigError(*(told for _, told in sorted(faults, key=lambda fault: fault[0])), at=path, key=key)
    return settings


def _cause(loc: Loc, places: Sequence[tuple[Loc, Change]], file: YamlFile | None) -> Change | None:
    """The change that brought a fault about, None where the file did: the last one at the place or above it, or, of a
    key that is missing, the one that made the section."""
    for place, change in reversed(places):
        if loc[: len(place)] == place:
            return change
    if file is not None and (file.has(loc) or file.has(loc[:-1])):
        return None
    return next((change for place, change in reversed(places) if place[: len(loc) - 1] == loc[:-1] != ()), None)


def fault_at(loc: Loc, told: str) -> ValidationError:
    """A fault for a validator to raise, `loc` being its place below what is validated."""
    return raised([(loc, told)])


def raised(faults: Iterable[tuple[Loc, str]]) -> ValidationError:
    """Several faults for a validator to raise."""
    kinds = [(loc, PydanticCustomError("told", "{told}", {"told": told})) for loc, told in faults]
    details = [InitErrorDetails(type=kind, loc=loc, input=None) for loc, kind in kinds]
    return ValidationError.from_exception_data("settings", details)


def faults_of(error: ValidationError, schema: type[BaseModel]) -> Iterator[tuple[Loc, str]]:
    """Each fault as its place and a line without it. What an unknown key leaves missing is not reported twice."""
    errors = error.errors()
    meant = {}
    for one in errors:
        if one["type"] == "extra_forbidden":
            meant[one["loc"]] = _meant(one["loc"], schema)
    there = {(*loc[:-1], *path.split(".")) for loc, path in meant.items() if path and "." not in path}
    for one in errors:
        loc = one["loc"]
        if one["type"] == "extra_forbidden":
            near = meant[loc]
            reason = getattr(_model_at(loc[:-1], schema), "refused", {}).get(loc[-1])
            others = ", ".join(_model_at(loc[:-1], schema).model_fields)
            if reason is not None:
                yield loc, f"cannot be set for one camera: {reason}"
            elif near == loc[-1]:  # a whole path as one key
                yield (
                    loc,
                    f"unknown key: write {near.split('.')[-1]!r} in a line of its own below {near.split('.')[-2]!r}",
                )
            else:
                yield loc, "unknown key: " + (f"did you mean {near!r}?" if near else f"expected one of {others}")
        elif one["type"] != "missing" or loc not in there:
            example = ", like gate: {url: rtsp://...}" if loc == ("cameras",) else ""
            yield loc, _told(one, example)


def described(error: ValidationError, schema: type[BaseModel], where: Callable[[Loc], str]) -> list[str]:
    """The faults as lines, each begun by its place."""
    return [f"{where(loc)}: {told}" for loc, told in faults_of(error, schema)]


def _told(one: Any, example: str) -> str:
    value, kind = one.get("input"), one["type"]
    secrets = Secrets.of_value(str(one["loc"][-1]) if one["loc"] else "", value)
    return secrets.hidden(_plainly(one, kind, value, example))


def _plainly(one: Any, kind: str, value: Any, example: str) -> str:
    if kind == "told":
        return str(one["msg"])
    if kind == "missing":
        return _EXPECTED[kind]
    told = _EXPECTED.get(kind) or str(one["msg"]).removeprefix("Value error, ")
    told = told[0].lower() + told[1:] + example
    if value is None:
        return f"{told} (nothing is given)"
    return f"{told} (got {_shown(value)})" if isinstance(value, str | int | float | bool) else told


def _shown(value: str | int | float | bool) -> str:
    """A value in quotes, unless it is a number as it was written."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return repr(redact(value))
    return str(value)


def _model_at(loc: Loc, schema: type[BaseModel]) -> type[BaseModel]:
    """The section that lies there: what stands below a name of ours is the same for every name."""
    inner: Any = schema
    for part in loc:
        model = _model_in(inner)
        if model is not None and str(part) in model.model_fields:
            inner = model.model_fields[str(part)].annotation
    return _model_in(inner) or schema


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation (of a key, a mapping by name, a list) is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


def _keys(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All keys there are, NAME for those that the user chooses."""
    for name, field in model.model_fields.items():
        yield (*above, name)
        inner = _model_in(field.annotation)
        if inner is not None:
            named = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
            yield from _keys(inner, (*above, name) if named else (*above, name, "NAME"))


def _meant(loc: Loc, schema: type[BaseModel]) -> str:
    """The key that was likely meant: its name where it belongs to the same place, else its whole path; or nothing."""
    siblings = set(_model_at(loc[:-1], schema).model_fields)
    written = str(loc[-1]).lower().replace("-", "_").replace(" ", "_")
    if written in siblings:
        return written
    paths = list(_keys(schema))
    for path in paths:
        if written in (path[-1], ".".join(path)):
            return ".".join(path)
    likely = [(_like(written, name) + _SIBLING, name) for name in siblings]
    likely += [(_like(written, path[-1]), ".".join(path)) for path in paths]
    score, best = max(likely, default=(0.0, ""))
    return best if score >= _NEAR + _SIBLING * (best in siblings) else ""


def _like(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()
