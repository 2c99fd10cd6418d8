"""The page of all settings, from the models of the configuration."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from streamer.cli.options import SHORT_FORMS
from streamer.cli.output_options import FLAGS, option_for
from streamer.config.delivery import DeliveryConfig
from streamer.config.keep import HashConfig, KeepConfig
from streamer.config.models import CameraConfig, RunConfig, StreamConfig
from streamer.config.notify import (
    AttemptsConfig,
    FilterConfig,
    HomeAssistantConfig,
    QueueConfig,
    ScheduleConfig,
)
from streamer.config.outputs import TYPES, FileOutput, Output, PathOutput
from streamer.config.recognition import LineConfig, ZoneConfig
from streamer.config.watch import WatchConfig

PAGE = Path(__file__).parent / "configuration.md"

_HEAD = """# Configuration

Every setting of `alpr run --config FILE`, generated from the program (`python docs/generate.py --settings`). A file needs only what differs from the defaults; `alpr check FILE` says whether it is good. `configs/stream/default.yaml` has every key with its default, `configs/stream/site.yaml` is an example of many cameras.

Later ones win: the defaults, the file, `--set KEY=VALUE` (any key of this page), options of the command line. What a camera sets for itself wins over the rest of the file, not over `--set` and options. An unknown key, a wrong type and a value out of range are errors with file, line and key (exit code 2).

In YAML, `null`, `~` and an empty value all mean null. *Camera* says whether a camera may set the key for itself, below `cameras.NAME`."""  # noqa: E501
_UNITS = {"_s": "s", "_mb": "MB", "_h": "h", "_days": "days"}
_WORDS = {int: "whole number", float: "number", str: "text", bool: "`true`, `false`", Any: "any"}
_NOTIFY: dict[str, type[BaseModel]] = {
    "filter": FilterConfig, "filter.schedule": ScheduleConfig, "queue": QueueConfig, "attempts": AttemptsConfig,
    "home_assistant": HomeAssistantConfig,
}  # fmt: skip
_RUN_ONLY = {"live.ready"}  # of the keys that a camera has too


def fields_of(model: type[BaseModel], parent: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """All keys of a model with their paths, sections before what is in them."""
    for name, field in model.model_fields.items():
        path = f"{parent}{name}"
        yield path, field
        if (section := section_of(field)) is not None:
            yield from fields_of(section, f"{path}.")


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a section; None for a value."""
    plain = field.annotation
    return plain if isinstance(plain, type) and issubclass(plain, BaseModel) else None


def described(field: FieldInfo) -> str:
    """What a key is for: its description, or that of its section."""
    section = section_of(field)
    return field.description or ("" if section is None else inspect.cleandoc(section.__doc__ or ""))


def unit_of(key: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "unit" in extra:
        return str(extra["unit"])
    return next((unit for end, unit in _UNITS.items() if key.endswith(end)), "")


def type_of(annotation: Any) -> str:
    """An annotation in words."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is AwareDatetime:
        return "time with offset"
    if origin is Annotated:
        return type_of(arguments[0])
    if origin in (types.UnionType, Union):
        return ", ".join([*(type_of(one) for one in arguments if one is not type(None)), "`null`"])
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin is tuple:
        if get_origin(arguments[0]) is Literal:
            return f"list of {type_of(arguments[0])}"
        return f"list of {type_of(arguments[0])}s" if arguments[-1] is Ellipsis else "[x, y] pair"
    if origin is dict:
        value = arguments[1]
        return "section by name" if isinstance(value, type) and issubclass(value, BaseModel) else "section"
    assert issubclass(annotation, BaseModel), annotation
    return "section"


def range_of(field: FieldInfo) -> str:
    """The limits of a value."""
    found = []
    for one in field.metadata:
        match one:
            case annotated_types.Ge():
                found.append(f"\u2265 {one.ge}")
            case annotated_types.Gt():
                found.append(f"> {one.gt}")
            case annotated_types.Le():
                found.append(f"\u2264 {one.le}")
            case annotated_types.Lt():
                found.append(f"< {one.lt}")
            case annotated_types.MinLen():
                found.append(f"at least {one.min_length}" if "tuple" in str(field.annotation) else "not empty")
    return ", ".join(found)


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.default
    if isinstance(value, bool) or value is None:
        return f"`{str(value).lower() if value is not None else 'null'}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def _table(rows: list[list[str]], head: tuple[str, ...]) -> str:
    return "\n".join([_row(list(head)), "|" + "---|" * len(head), *(_row(row) for row in rows)])


def _cells(key: str, field: FieldInfo) -> list[str]:
    return [
        f"`{key}`", type_of(field.annotation), default_of(field), range_of(field), unit_of(key, field), described(field)
    ]  # fmt: skip


_COLUMNS = ("key", "type", "default", "range", "unit", "what it sets")


def _of_a_run(keys: list[tuple[str, FieldInfo]]) -> str:
    """A table of keys that a run has, with what a camera may set and what options stand for."""
    rows = []
    for key, field in keys:
        camera = key.split(".")[0] in StreamConfig.model_fields and key not in _RUN_ONLY
        option = f"`{SHORT_FORMS[key]}`" if key in SHORT_FORMS else ""
        rows.append([*_cells(key, field), "yes" if camera else "", option])
    return _table(rows, (*_COLUMNS, "camera", "option"))


def _plain(model: type[BaseModel], parent: str = "", leave_out: frozenset[str] = frozenset()) -> str:
    keys = [(k, f) for k, f in fields_of(model, parent) if k.removeprefix(parent) not in leave_out]
    return _table([_cells(key, field) for key, field in keys if section_of(field) is None], _COLUMNS)


def page() -> str:
    """The whole page."""
    keys = list(fields_of(RunConfig))
    top = [(key, field) for key, field in keys if "." not in key and section_of(field) is None]
    parts = [_HEAD, "## The run", _of_a_run(top)]
    for name, field in RunConfig.model_fields.items():
        if section_of(field) is not None:
            below = [(key, one) for key, one in keys if key.startswith(f"{name}.")]
            parts += [f"## {name}", described(field), _of_a_run(below)]
            if name == "live":
                parts.append("`live: true` and `live: false` are short for `live: {endless: ...}`.")
    for name, model in (("zones", ZoneConfig), ("lines", LineConfig)):
        parts += [f"## {name}.NAME", inspect.cleandoc(model.__doc__ or ""), _plain(model, f"{name}.NAME.")]
    parts += [
        "## watch",
        "A list of entries, each a list of plates; of a camera: for it beside the run's. `--watch FILE` adds one. "
        "See [watchlists](watchlists.md).",
        _plain(WatchConfig, "watch.N."),
        "## cameras.NAME",
        inspect.cleandoc(CameraConfig.__doc__ or "") + " Beside every key marked *camera* above:",
        _plain(CameraConfig, "cameras.NAME.", frozenset(StreamConfig.model_fields) | _below(StreamConfig)),
        "`NAME: ADDRESS` is short for `NAME: {url: ADDRESS}`. A camera cannot set:",
        _table([[f"`{key}`", why] for key, why in CameraConfig.refused.items()], ("key", "why")),
        *_outputs(),
    ]
    return "\n\n".join(parts) + "\n"


def _below(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(key for key, _ in fields_of(model))


def _outputs() -> Iterator[str]:
    """What an entry of `outputs:` may hold, by its type."""
    common = frozenset(Output.model_fields)
    yield "## outputs"
    yield (
        "A list of entries, each with a `type` and its settings; of a camera: for it alone. A command-line option "
        "replaces all entries of its type; `--output` stands for an entry of any type, also of an installed package. "
        "What an entry leaves out of `rows`, `video` and `pictures` is as in those "
        "sections. Types of installed packages have settings of their own. What each writes: [outputs](outputs.md)."
    )
    rows = []
    for name, model in TYPES.items():
        own = ", ".join(f"`{key}`" for key in sorted(frozenset(model.model_fields) - common))
        rows.append([f"`{name}`", own, f"`{FLAGS.get(name, option_for(name))}`"])
    yield _table(rows, ("type", "settings", "option"))
    shown: dict[str, list[str]] = {}
    bases: list[type[Output]] = [Output, PathOutput, FileOutput]
    for settings in [*bases, *dict.fromkeys(TYPES.values())]:
        for key, field in settings.model_fields.items():
            if section_of(field) is None:
                shown.setdefault(key, _cells(key, field))
    yield _table(list(shown.values()), _COLUMNS)
    kept: dict[str, type[BaseModel]] = {"keep": KeepConfig, "hash": HashConfig}
    for key, section in kept.items():
        yield f"## outputs: {key}"
        yield inspect.cleandoc(section.__doc__ or "") + " Of `store`: [the store](store.md#privacy)."
        yield _plain(section, f"{key}.")
    yield "Of `webhook`, `mqtt` and `apprise`: [notifications](notifications.md)."
    for key, section in _NOTIFY.items():
        yield f"## outputs: {key}"
        yield inspect.cleandoc(section.__doc__ or "")
        yield _plain(section, f"{key}.")
    yield "## outputs: delivery"
    yield inspect.cleandoc(DeliveryConfig.__doc__ or "") + " See [outputs](outputs.md#an-output-that-is-slow-or-fails)."
    yield _plain(DeliveryConfig, "delivery.")
