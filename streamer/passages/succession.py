"""The next vehicle in the same place: when a track's readings are of another plate."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.plates.texts import distance
from streamer.tracking.base import Hit
from streamer.types import Image, Reading

# Confidence from which a text is told surely: of what was read so far, and of a reading of another one.
_SURE = 0.8
# A plate is misread in a character or two, for long, as it comes nearer; in more it is another one. Fewer prove it only
# where the plate was out of sight in between, and more often.
_UNLIKE = 3
_CONFIRMED, _CONFIRMED_ALIKE = 2, 3  # readings of another text, one after the other


@dataclass(frozen=True)
class Held:
    """A reading that waits for another to say whose it is."""

    hit: Hit
    reading: Reading
    crop: Image | None
    whole: bool


@dataclass
class Succession:
    """The readings of a track that may be of the next vehicle."""

    held: list[Held] = field(default_factory=list)
    before: Hit | None = None  # the last hit of the vehicle before
    _apart: bool = False  # out of sight, and not read as before since

    @property
    def waits(self) -> bool:
        """Whether another reading is needed to decide."""
        return bool(self.held) or self._apart

    def takes(self, told: tuple[str, float], new: Held, before: Hit, apart: bool) -> bool:
        """Whether a reading is of another plate than `told` (text and confidence of the others), as far as one can say:
        it is then held. `before`: the hit before it; `apart`: the plate was out of sight in between."""
        (text, sure), read = told, new.reading.text
        if self.held:
            if distance(read, self.held[0].reading.text) < distance(read, text):
                self.held.append(new)
                return True
            return False
        self._apart = (self._apart or apart) and bool(text) and read != text
        if sure < _SURE or new.reading.confidence < _SURE or not new.whole:
            return False
        if distance(read, text) < (1 if self._apart else _UNLIKE):
            return False
        self.held, self.before = [new], before
        return True

    def decided(self, text: str) -> bool:
        """Whether the next vehicle is there; `text`: of the one before."""
        return len(self.held) >= (_CONFIRMED if self.far(text) else _CONFIRMED_ALIKE)

    def release(self) -> list[Held]:
        """What was held, to count with the rest."""
        held, self.held, self._apart = self.held, [], False
        return held

    def far(self, text: str) -> bool:
        """Whether what is held cannot be a misread `text`."""
        return bool(self.held) and distance(self.held[0].reading.text, text) >= _UNLIKE
