"""YAML that is edited and written back as it was written: comments, quotes and order stay (ruamel.yaml, of the extra
`web`)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import cache
from importlib import import_module
from typing import Any

import yaml

from streamer.errors import ConfigError

_WIDE = 4096
_MERGE = re.compile(r"^<<$")
_NOTHING = re.compile(r"^$")


def edited(text: str, change: Callable[[Any], Any]) -> str:
    """`text` after `change` worked on its value, which it changes in place or gives anew. Where writing the text back
    unchanged would alter it, only the lines that the change concerns are taken."""
    lines_end = "\r\n" if "\r\n" in text else "\n"
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if yaml.compose(plain, Loader=yaml.BaseLoader) is None:  # empty, or comments alone
        value = change(None)
        added = "" if value is None else _dumped("", lambda _: value)
        after = plain + ("\n" if plain and not plain.endswith("\n") else "") + added
        return mark + after.replace("\n", lines_end)
    same = _dumped(plain, lambda value: value)
    after = _dumped(plain, change)
    if same != plain:
        after = _transferred(plain, same, after)
    return mark + after.replace("\n", lines_end)


def flow(values: Any) -> Any:
    """A list (of lists) that is written in brackets; numbers with four digits at most."""
    ruamel = _ruamel()
    if not isinstance(values, list | tuple):
        return f"{round(float(values), 4):g}" if isinstance(values, int | float) else values
    made = ruamel.comments.CommentedSeq([flow(one) for one in values])
    made.fa.set_flow_style()
    return made


def mapping(values: dict[str, Any]) -> Any:
    """A mapping to be added."""
    return _ruamel().comments.CommentedMap(values)


def scalar(text: str) -> Any:
    """A text to be added: in quotes where a reader of YAML would take it for something else."""
    try:
        plain = yaml.safe_load(f"- {text}\n") == [text] and text == text.strip() and "\n" not in text
    except yaml.YAMLError:
        plain = False
    return text if plain else _ruamel().scalarstring.DoubleQuotedScalarString(text)


@cache
def _ruamel() -> Any:
    try:
        for part in ("ruamel.yaml.comments", "ruamel.yaml.scalarstring", "ruamel.yaml.util", "ruamel.yaml.resolver"):
            import_module(part)
        return import_module("ruamel.yaml")
    except ModuleNotFoundError:
        raise ConfigError(
            "ruamel.yaml is not installed: pip install 'alpr-streamer[web]', which editing YAML files needs"
        ) from None


def _dumped(text: str, change: Callable[[Any], Any]) -> str:
    editor = _editor(text)
    ruamel = _ruamel()
    try:
        value = editor.load(text)
    except ruamel.error.YAMLError as error:
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise ConfigError(f"cannot be edited: {problem}") from None
    value = change(value)
    out = io.StringIO()
    editor.dump(value, out)
    return out.getvalue()


def _editor(text: str) -> Any:
    """Keeps every plain value as the text that it is: NO, 0123 and 1e5 are nothing else here."""
    ruamel = _ruamel()

    base: Any = ruamel.resolver.VersionedResolver

    class Resolver(base):  # type: ignore[misc]
        @property
        def versioned_resolver(self) -> Any:
            return {
                "<": [("tag:yaml.org,2002:merge", _MERGE)],
                "": [("tag:yaml.org,2002:null", _NOTHING)],
            }

    editor = ruamel.YAML(typ="rt", pure=True)
    editor.Resolver = Resolver
    editor.preserve_quotes = True
    editor.width = _WIDE
    _, indent, dash = ruamel.util.load_yaml_guess_indent(text)
    dash = dash or 0
    editor.indent(mapping=_mapping_indent(text), sequence=max(indent or 2, dash + 2), offset=dash)
    return editor


def _mapping_indent(text: str) -> int:
    """How far keys are indented below their mapping, by the first one that is."""
    found = re.search(r"^[^\s#-][^#\n]*:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*( +)[^\s#-]", text, re.MULTILINE)
    return len(found[1]) if found else 2


def _transferred(text: str, same: str, after: str) -> str:
    """What differs from `same` to `after`, done to `text`, which differs from `same` in other lines."""
    ours, base, theirs = (one.splitlines(keepends=True) for one in (text, same, after))
    place: dict[int, int] = {-1: -1, len(base): len(ours)}
    for block in SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks():
        place |= {block.a + k: block.b + k for k in range(block.size)}
    out: list[str] = []
    done = 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, base, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if i1 - 1 not in place or i2 not in place or place[i1 - 1] + 1 < done or place[i2] < place[i1 - 1] + 1:
            return after
        start, end = place[i1 - 1] + 1, place[i2]
        out += ours[done:start]
        if out and not out[-1].endswith("\n"):
            out[-1] += "\n"
        out += theirs[j1:j2]
        done = end
    return "".join(out + ours[done:])
