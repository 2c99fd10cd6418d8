"""A line of `alpr doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was checked, the result, and, of a fault, the remedy. `bad`: a fault whose result names its remedy;
    `lacks`: something that is not there and need not be."""

    what: str
    found: str
    remedy: str = ""
    bad: bool = False
    lacks: bool = False
