"""Faults of a camera and of the network between it and its reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamer.errors import ConfigError

# Name -> effect of the fault. Those in CLIP need our own camera: a proxy cannot change the pictures.
FAULTS: Mapping[str, str] = {
    "refuse": "nothing listens on the port",
    "silent": "connections are accepted and not answered",
    "cut": "connections end one second after they began",
    "storm": "connections are reset after two seconds, again and again",
    "stall": "connections stay open and no data arrives",
    "loss": "packets are lost (--percent)",
    "reorder": "packets arrive late, after the next ones (--percent)",
    "duplicate": "packets arrive twice (--percent)",
    "corrupt": "packets are corrupted (--percent)",
    "jump": "time stamps jump ahead by an hour",
    "freeze": "the picture is frozen, packets continue",
    "resize": "the picture changes its size",
}
CLIP = ("freeze", "resize")


@dataclass(frozen=True)
class Fault:
    """One of FAULTS; `percent`: share of packets, for faults of packets."""

    name: str
    percent: float = 5.0

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ConfigError(f"fault {self.name!r}: expected one of {', '.join(FAULTS)}")
        if not 0 <= self.percent <= 100:
            raise ConfigError(f"percent {self.percent:g}: expected 0 to 100")

    @property
    def by_packet(self) -> bool:
        """Whether `percent` applies."""
        return self.name in ("loss", "reorder", "duplicate", "corrupt")

    def __str__(self) -> str:
        return f"{self.name} {self.percent:g} %" if self.by_packet else self.name
