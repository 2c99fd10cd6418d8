"""Bits of a video stream's headers: fixed lengths and Exponential-Golomb codes (ITU-T H.264, 9.1)."""

from __future__ import annotations

from collections.abc import Iterator

_EMULATION = b"\0\0\3"  # a 3 is put after two zero bytes, so that a start code occurs only where a unit begins


class Bits:
    """Reads a unit's bits in order; IndexError beyond its end."""

    def __init__(self, unit: bytes) -> None:
        if _EMULATION in unit:
            unit = unit.replace(_EMULATION, b"\0\0")
        self._value, self._left = int.from_bytes(unit, "big"), 8 * len(unit)

    def u(self, count: int) -> int:
        """An unsigned number of that many bits."""
        self._left -= count
        if self._left < 0:
            raise IndexError("the unit ends early")
        return self._value >> self._left & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.u(1) == 1

    def ue(self) -> int:
        """An unsigned Exponential-Golomb code."""
        zeros = self._left - (self._value & ((1 << self._left) - 1)).bit_length()
        if zeros > 32:
            raise IndexError("no code")
        return self.u(2 * zeros + 1) - 1

    def se(self) -> int:
        """A signed Exponential-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)

    def skip_ue(self, count: int) -> None:
        for _ in range(count):
            self.ue()


def units(data: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units of a packet or of parameter sets, without start codes. `length_size`: bytes of the length before
    each unit, 0 where start codes separate them."""
    if length_size:
        at = 0
        while at + length_size < len(data):
            size = int.from_bytes(data[at : at + length_size], "big")
            at += length_size
            yield data[at : at + size]
            at += size
        return
    at = data.find(b"\0\0\1")
    while at >= 0:
        after = data.find(b"\0\0\1", at + 3)
        yield data[at + 3 :] if after < 0 else data[at + 3 : after].rstrip(b"\0")
        at = after
