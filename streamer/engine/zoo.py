"""Where trained models lie, what their cards say, and whether the files are the ones that were shipped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamer.errors import ModelError

_PACKAGE = Path(__file__).parents[1]


def zoo_folder() -> Path:
    """`models/zoo`: inside an installed package, or of the checkout this file stands in."""
    shipped = _PACKAGE / "_data" / "zoo"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "models" / "zoo"


def config_folder() -> Path:
    """`configs`: inside an installed package, or of the checkout."""
    shipped = _PACKAGE / "_data" / "configs"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "configs"


def demo_clip() -> Path:
    """The drawn clip of `alpr demo`."""
    shipped = _PACKAGE / "_data" / "demo.mp4"
    return shipped if shipped.is_file() else _PACKAGE.parent / "tests" / "clips" / "demo.mp4"


def plate_folders(own: str | Path | None = None) -> tuple[Path, ...]:
    """The folders of plate layouts: the program's, and one of the user's own after it."""
    return (config_folder() / "plates", *([] if own is None else [Path(own)]))


@dataclass(frozen=True)
class ModelFile:
    """One network in one precision: the path of its .xml and what its card says (empty without a card)."""

    xml: Path
    card: dict[str, Any]
    int8: bool


def find_model(name_or_path: str | Path, precision: str, kind: str | None = None) -> ModelFile:
    """The file of a zoo name, or of a path to an .xml or to a folder with a card, verified against its card.

    `precision` is "int8" or a floating one; `kind` is "detector" or "reader". ModelError when it is missing, altered,
    not there in that precision, or of another kind.
    """
    text = str(name_or_path)
    found = _from_path(Path(text)) if text.endswith(".xml") else _from_zoo(text, precision)
    if kind is not None and found.card.get("kind", kind) != kind:
        raise ModelError(f"model {text!r}: is a {found.card['kind']}, expected a {kind}")
    return found


def _from_zoo(text: str, precision: str) -> ModelFile:
    folder = zoo_folder() / text
    if not (folder / "card.yaml").is_file() and (Path(text) / "card.yaml").is_file():
        folder = Path(text)
    if not (folder / "card.yaml").is_file():
        known = ", ".join(sorted(p.parent.name for p in zoo_folder().glob("*/card.yaml"))) or "none"
        raise ModelError(
            f"model {text!r} is not in {zoo_folder()}; known: {known}; a path to an .xml works too, "
            "or to a folder with a card.yaml"
        )
    card = read_card(folder / "card.yaml")
    wanted = "int8" if precision == "int8" else "f32"
    files = card.get("files", {})
    if wanted not in files:
        raise ModelError(f"model {text!r}: no {wanted} file in its card; there are {', '.join(files) or 'none'}")
    xml = folder / files[wanted]["xml"]
    verify(xml, files[wanted])
    return ModelFile(xml, card, wanted == "int8")


def _from_path(xml: Path) -> ModelFile:
    if not xml.is_file() or not xml.with_suffix(".bin").is_file():
        raise ModelError(f"model {xml}: the .xml or the .bin beside it is missing", at=xml)
    card_file = xml.parent / "card.yaml"
    card = read_card(card_file) if card_file.is_file() else {}
    for precision, entry in card.get("files", {}).items():
        if entry.get("xml") == xml.name:
            verify(xml, entry)
            return ModelFile(xml, card, precision == "int8")
    return ModelFile(xml, card, "int8" in xml.stem)


def read_card(path: Path) -> dict[str, Any]:
    try:
        card = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"model card {path} cannot be read ({reason}); install the package again", at=path) from error
    if not isinstance(card, dict):
        raise ModelError(f"model card {path} is not a mapping; install the package again", at=path)
    return card


def verify(xml: Path, entry: dict[str, Any]) -> None:
    """ModelError unless both files are there and have the SHA-256 that the card tells."""
    for path, key in ((xml, "sha256_xml"), (xml.with_suffix(".bin"), "sha256_bin")):
        if not path.is_file():
            raise ModelError(
                f"model file {path} is missing; install the package again or export the model again", at=path
            )
        if sha256(path) != entry.get(key):
            raise ModelError(
                f"model file {path} is not the one its card describes (SHA-256 differs); "
                "install the package again or export the model again",
                at=path,
            )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
