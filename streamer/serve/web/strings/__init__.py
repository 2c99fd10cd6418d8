"""The texts of the page: a folder for each language, in it a YAML file for each section."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from streamer.config.load import YamlFile

LANGUAGES = {"en": "English", "zh": "中文"}
FOLDER = Path(__file__).parent


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts of a language by `SECTION.KEY`."""
    found: dict[str, str] = {}
    for file in sorted((FOLDER / language).glob("*.yaml")):
        found |= {f"{file.stem}.{key}": str(text) for key, text in YamlFile(file).values.items()}
    return found


def text(language: str, key: str, **values: object) -> str:
    """The text of a key, its `{names}` filled in; in English where the language lacks it, the key where both do."""
    found = texts(language).get(key) or texts("en").get(key) or key
    return found.format(**values) if values else found


def chosen(cookie: str | None, accepted: str) -> str:
    """The language: as chosen before, else the first of the browser's that there is."""
    if cookie in LANGUAGES:
        return str(cookie)
    for part in accepted[:200].split(","):
        name = part.split(";")[0].strip().lower().split("-")[0]
        if name in LANGUAGES:
            return name
    return "en"
