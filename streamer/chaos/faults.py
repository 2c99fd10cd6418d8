"""What can be wrong with a camera and the network before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamer.errors import ConfigError

# Name -> what happens while the fault lasts. Those of CLIP need a camera of our own: no proxy can draw other pictures.
FAULTS: Mapping[str, str] = {
    "refuse": "nothing listens on the port",
    "silent": "connections are accepted and not answered",
    "cut": "connections end a second after they began",
    "storm": "connections are reset after two seconds, again and again",
    "stall": "connections stay open and nothing comes",
    "loss": "packets are lost (--percent)",
    "reorder": "packets come late, after the next ones (--percent)",
    "duplicate": "packets come twice (--percent)",
    "corrupt": "packets have wrong bytes (--percent)",
    "jump": "time stamps are an hour ahead",
    "freeze": "the picture stands still, packets go on",
    "resize": "the picture has another size",
}
CLIP = ("freeze", "resize")


@dataclass(frozen=True)
class Fault:
    """One of FAULTS; `percent`: of the packets, for those that touch single packets."""

    name: str
    percent: float = 5.0

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ConfigError(f"fault {self.name!r}: expected one of {', '.join(FAULTS)}")
        if not 0 <= self.percent <= 100:
            raise ConfigError(f"percent {self.percent:g}: expected 0 to 100")

    @property
    def by_packet(self) -> bool:
        """Whether `percent` matters."""
        return self.name in ("loss", "reorder", "duplicate", "corrupt")

    def __str__(self) -> str:
        return f"{self.name} {self.percent:g} %" if self.by_packet else self.name
