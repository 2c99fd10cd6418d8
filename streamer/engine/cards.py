"""What a model's card says of its network: sizes, margins, outputs, decoder. A key that is missing has the default, so
that cards from before it was added go on to load; a wrong value gives a ModelError that names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from streamer.engine.zoo import ModelFile
from streamer.errors import ModelError
from streamer.image.warp import CROP_HEIGHT, CROP_WIDTH, MARGIN_ACROSS, MARGIN_ALONG

_SMALLEST, _LARGEST = 8, 4096  # px of a network's input


@dataclass(frozen=True)
class CropShape:
    """How a plate is cut for a network: `height` and `width` in px, and the margins on each side, `along` and `across`
    the text, as shares of the plate's width and height."""

    height: int
    width: int
    along: float
    across: float

    def as_card(self) -> dict[str, float]:
        """The value of the key `crop`."""
        return asdict(self)


PLATE_CROP = CropShape(CROP_HEIGHT, CROP_WIDTH, MARGIN_ALONG, MARGIN_ACROSS)  # of the readers trained here


def number(model: ModelFile, key: str, default: float, low: float, high: float, card: Any = None) -> float:
    """A number of the card within `low` and `high`. `key` may be dotted, the last part is looked up in `card`."""
    values = model.card if card is None else card
    value = values.get(key.rpartition(".")[2], default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        wrong(model, key, f"a number from {low:g} to {high:g}", value)
    return float(value)


def mapping(model: ModelFile, key: str) -> Mapping[str, Any]:
    """A mapping of the card, empty where there is none."""
    value = model.card.get(key, {})
    if not isinstance(value, dict):
        wrong(model, key, "a mapping", value)
    return value


def crop_shape(model: ModelFile, default: CropShape) -> CropShape:
    """The card's `crop`."""
    values = {**default.as_card(), **mapping(model, "crop")}
    if unknown := [key for key in values if key not in default.as_card()]:
        wrong(model, "crop", f"the keys {', '.join(default.as_card())} alone", ", ".join(map(str, unknown)))
    height, width = (_pixels(model, f"crop.{key}", values[key]) for key in ("height", "width"))
    along, across = (number(model, f"crop.{key}", 0.0, 0.0, 4.0, values) for key in ("along", "across"))
    return CropShape(height, width, along, across)


def one_of(model: ModelFile, key: str, known: Sequence[str], default: str) -> str:
    """A word of the card."""
    value = model.card.get(key, default)
    if value not in known:
        wrong(model, key, f"one of {', '.join(known)}", value)
    return str(value)


def names(model: ModelFile, key: str, needed: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    """A list of different names in the card, the `needed` among them."""
    value = model.card.get(key, default)
    fine = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    if not fine or len(set(value)) < len(value) or not set(needed) <= set(value):
        wrong(model, key, f"a list of names, with {', '.join(needed)} among them", value)
    return tuple(value)


def sizes(model: ModelFile, key: str, default: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """A list of [width, height] in the card."""
    value = model.card.get(key, default)
    if not isinstance(value, list | tuple) or not value or any(not _is_pair(size) for size in value):
        wrong(model, key, "a list of [width, height]", value)
    return tuple((_pixels(model, key, width), _pixels(model, key, height)) for width, height in value)


def whole_numbers(model: ModelFile, key: str, default: Sequence[int]) -> tuple[int, ...]:
    """A list of whole numbers above 0 in the card."""
    value = model.card.get(key, default)
    if not isinstance(value, list | tuple) or not value or any(not _is_whole(one) or one < 1 for one in value):
        wrong(model, key, "a list of whole numbers above 0", value)
    return tuple(value)


def wrong(model: ModelFile, key: str, expected: str, value: object) -> NoReturn:
    raise ModelError(
        f"model {model.xml}: card.yaml: {key}: expected {expected}, not {value!r}; export the model again", at=model.xml
    )


def _pixels(model: ModelFile, key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not _SMALLEST <= value <= _LARGEST:
        wrong(model, key, f"a whole number of px from {_SMALLEST} to {_LARGEST}", value)
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_pair(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2
