"""Fused distributions of a track's characters, packed: of every slot the likeliest symbols, each with a byte for its
log-probability in steps of a twentieth. About three bytes for a slot that was read clearly."""

from __future__ import annotations

import math

from streamer.types import Posterior

_VERSION = 1
_STEP = 20.0  # per natural logarithm
_LEAST = 255  # the byte of what is not listed: e^-12.75
FLOOR = -_LEAST / _STEP


def pack(posterior: Posterior) -> bytes:
    """The slots as bytes: a version, then for each slot the number of symbols, and each symbol (UTF-8; the end as NUL)
    with its byte."""
    out = bytearray([_VERSION])
    for slot in posterior:
        kept = [(s, q) for s, p in slot if p > 0 and (q := _byte(p)) < _LEAST][:_LEAST]
        out.append(len(kept))
        for symbol, quantised in kept:
            out += (symbol or "\0").encode()
            out.append(quantised)
    return bytes(out)


def unpack(packed: bytes) -> Posterior:
    """The inverse of `pack`; ValueError for other bytes."""
    if packed[:1] != bytes([_VERSION]):
        raise ValueError("no distributions of a plate's characters, or of a newer version")
    slots, at = [], 1
    try:
        while at < len(packed):
            count, at = packed[at], at + 1
            slot = []
            for _ in range(count):
                lead = packed[at]
                end = at + (1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4)
                symbol = packed[at:end].decode()
                slot.append(("" if symbol == "\0" else symbol, _PROBABILITIES[packed[end]]))
                at = end + 1
            slots.append(tuple(slot))
    except IndexError:
        raise ValueError("distributions of a plate's characters end in the middle") from None
    return tuple(slots)


def log_ratio(posterior: Posterior, text: str) -> float:
    """How much less likely `text` is than the likeliest text of these slots (a natural logarithm, 0 at most); `?` in it
    is any character. What is not listed has `FLOOR`."""
    total = 0.0
    for k, wanted in enumerate((*text, "")):
        slot = posterior[k] if k < len(posterior) else (("", 1.0),)
        if wanted != "?" and slot:
            total += _log(dict(slot).get(wanted, 0.0)) - _log(slot[0][1])
    return total


def _byte(probability: float) -> int:
    return round(-_STEP * math.log(min(probability, 1.0)))


def _log(probability: float) -> float:
    return max(math.log(probability), FLOOR) if probability > 0 else FLOOR


_PROBABILITIES = [math.exp(-k / _STEP) for k in range(_LEAST + 1)]
