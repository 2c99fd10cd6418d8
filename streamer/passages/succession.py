"""The next vehicle in the same place: when a track's readings are of another plate."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.plates.texts import distance
from streamer.tracking.track import Hit
from streamer.types import Image, Reading

# Confidence that both need, the text so far and a reading of another text.
_SURE = 0.8
# An approaching plate is often misread in a character or two; a text that differs in more is of another plate. Fewer
# prove another plate only where it was out of sight in between, and in more readings.
_DIFFERING = 3
_CONFIRMED, _CONFIRMED_SIMILAR = 2, 3  # readings of another text in a row


@dataclass(frozen=True)
class HeldReading:
    """A reading held back until others decide which vehicle it is of."""

    hit: Hit
    reading: Reading
    crop: Image | None
    whole: bool


@dataclass
class Succession:
    """The readings of a track that may be of the next vehicle."""

    held: list[HeldReading] = field(default_factory=list)
    before: Hit | None = None  # the last hit of the vehicle before
    _apart: bool = False  # it was out of sight, and has not been read as before since

    @property
    def undecided(self) -> bool:
        """Whether another reading is needed to decide."""
        return bool(self.held) or self._apart

    def hold(self, current: tuple[str, float], new: HeldReading, before: Hit, apart: bool) -> bool:
        """Holds a reading back where it may be of another plate than `current` (text and confidence of the readings so
        far); whether it did. `before`: the hit before it; `apart`: the plate was out of sight in between."""
        (text, confidence), read = current, new.reading.text
        if self.held:
            if distance(read, self.held[0].reading.text) < distance(read, text):
                self.held.append(new)
                return True
            return False
        self._apart = (self._apart or apart) and bool(text) and read != text
        if confidence < _SURE or new.reading.confidence < _SURE or not new.whole:
            return False
        if distance(read, text) < (1 if self._apart else _DIFFERING):
            return False
        self.held, self.before = [new], before
        return True

    def decided(self, text: str) -> bool:
        """Whether the next vehicle has come; `text`: of the one before."""
        return len(self.held) >= (_CONFIRMED if self.differs(text) else _CONFIRMED_SIMILAR)

    def release(self) -> list[HeldReading]:
        """Returns the held readings, to be counted, and forgets them."""
        held, self.held, self._apart = self.held, [], False
        return held

    def differs(self, text: str) -> bool:
        """Whether the held readings differ from `text` by too much to be misreadings of it."""
        return bool(self.held) and distance(self.held[0].reading.text, text) >= _DIFFERING
