"""From measures to findings, a verdict, and the one change most worth making. The limits are measured on drawn plates:
docs/how-to/camera.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from streamer.fit.measure import Measures
from streamer.fit.sharpness import Sharpness

Level = Literal["ok", "weak", "bad"]

_HEIGHT_BAD, _HEIGHT_WEAK, _HEIGHT_GOOD = 11.0, 16.0, 20.0  # px
_EDGE_WEAK, _EDGE_BAD = 0.12, 0.16  # of the plate's height
_PIXELS = 2.2  # a sharp edge is up to this wide: what is lacking then is pixels
_ONE_WAY = 1.5  # wider along than across by this: motion
_DARK, _CONTRAST, _WHITE = 40.0, 50.0, 0.35
_READS = 3.0  # readings of a vehicle
_RATE_BAD, _RATE_WEAK = 4.0, 10.0  # frames a second
_KEY_S = 4.0
_BITS = {"h264": 0.03, "hevc": 0.02, "av1": 0.015}  # least bits for a pixel
_SHARE_DROPPED = 0.01


@dataclass(frozen=True)
class Finding:
    """`change`: what to change, empty where nothing needs to be; `weight`: how much it is worth."""

    what: str
    found: str
    level: Level = "ok"
    change: str = ""
    weight: int = 0


@dataclass(frozen=True)
class Fit:
    """`verdict`: one line; `change`: the change most worth making, empty where none is needed."""

    findings: tuple[Finding, ...]
    verdict: str
    change: str

    @property
    def is_fit(self) -> bool:
        return all(finding.level != "bad" for finding in self.findings)


def judged(measures: Measures, more: Sequence[Finding] = ()) -> Fit:
    """The fit of a camera by its measures, and by what else was found."""
    findings = (*_stream(measures), *_plates(measures), *more)
    faults = [finding for finding in findings if finding.level != "ok"]
    worst = max(faults, key=lambda one: (one.level == "bad", one.weight), default=None)
    return Fit(findings, _verdict(measures, findings), worst.change if worst is not None else "")


def _verdict(m: Measures, findings: tuple[Finding, ...]) -> str:
    bad = [finding.what for finding in findings if finding.level == "bad"]
    if not m.heights:
        return "unknown: no plate was seen"
    if bad:
        return f"poor: {', '.join(bad)}"
    weak = [finding.what for finding in findings if finding.level == "weak"]
    return f"usable: {', '.join(weak)} could be better" if weak else "good"


def _stream(m: Measures) -> Iterator[Finding]:
    if m.width:  # not of kept rows alone
        size = f"{m.width}x{m.height}"
        yield Finding("picture", f"{size}, {m.codec}" if m.codec else size)
    if m.rate is not None:
        yield _rate(m, m.rate)
    if m.kbit_s is not None:
        yield _bits(m, m.kbit_s)
    if m.key_s is not None and m.live:
        late = m.key_s > _KEY_S
        yield Finding(
            "key frames",
            f"every {m.key_s:.1f} s at most",
            "weak" if late else "ok",
            "set the key frame interval (GOP) to 1 or 2 seconds: until the next one there is no picture after a "
            "reconnection"
            if late
            else "",
            1,
        )
    if m.live:
        yield _kept(m)
    if m.brightness is not None and m.brightness < _DARK:
        yield Finding("light", f"dark (mean {m.brightness:.0f} of 255)")


def _rate(m: Measures, rate: float) -> Finding:
    found = f"{rate:.1f} frames/s"
    if m.declared is not None and abs(m.declared - rate) > 0.1 * m.declared:
        found += f" of {m.declared:.1f} declared"
    if m.gap_s is not None and m.gap_s > max(0.5, 4 / rate):
        found += f", none for {m.gap_s:.1f} s once"
    if rate >= _RATE_WEAK:
        return Finding("rate", found)
    change = f"set the camera to 15 to 25 frames/s (now {rate:.0f}): each frame is another chance to read a plate"
    return Finding("rate", found, "bad" if rate < _RATE_BAD else "weak", change, 3)


def _bits(m: Measures, kbit_s: float) -> Finding:
    found = f"{kbit_s / 1000:.1f} Mbit/s"
    least = _BITS.get(m.codec.split(" ")[0])
    pixels = m.width * m.height * (m.rate or 0)
    if least is None or not pixels or kbit_s * 1000 / pixels >= least or m.key_s is None:
        return Finding("bit rate", found)
    # A street where nothing moves takes few bits: only with plates in it is it the camera's limit.
    if not m.sharp:
        return Finding("bit rate", f"{found} (little: nothing moves, or the camera saves)")
    if not _is_soft(m):
        return Finding("bit rate", found)
    wanted = least * 1.5 * pixels / 1e6
    return Finding("bit rate", found, "weak", f"raise the camera's bit rate to {wanted:.1f} Mbit/s or more", 4)


def _kept(m: Measures) -> Finding:
    dropped = m.dropped / max(m.frames + m.dropped, 1)
    if m.reconnects:
        return Finding(
            "connection",
            f"lost {m.reconnects} times",
            "bad",
            "mend the network first: a cable in place of WLAN, RTSP over TCP, fewer clients of the camera",
            9,
        )
    if dropped <= _SHARE_DROPPED:
        return Finding("connection", "steady")
    return Finding(
        "connection",
        f"steady; {100 * dropped:.0f} % of the frames dropped here",
        "weak" if dropped < 0.2 else "bad",
        "this machine is too slow for this stream: cadence: auto, a lower frame rate, or --threads",
        8,
    )


def _plates(m: Measures) -> Iterator[Finding]:
    if not m.heights:
        yield Finding("plates", "none seen", "weak", "measure again while vehicles pass (--seconds)", 0)
        return
    best = [vehicle.height for vehicle in m.vehicles] or sorted(m.heights)[-max(1, len(m.heights) // 4) :]
    yield _height(best)
    if m.sharp:
        yield _sharpness(m)
        yield _light(m)
    yield from _rows(m)


def _height(best: list[float]) -> Finding:
    height = median(best)
    found = f"{height:.0f} px at their best"
    if len(best) > 1:
        found += f" (median; {min(best):.0f} to {max(best):.0f})"
    if height >= _HEIGHT_WEAK:
        return Finding("plate height", found)
    factor = _HEIGHT_GOOD / height
    change = (
        f"make plates {factor:.1f} times as large (now {height:.0f} px, wanted {_HEIGHT_GOOD:.0f} or more): zoom in, "
        "move closer, or read the camera's main stream"
    )
    return Finding("plate height", found, "bad" if height < _HEIGHT_BAD else "weak", change, 7)


def _near(m: Measures) -> list[Sharpness]:
    """Of the plates whose sharpness was measured the larger half."""
    return sorted(m.sharp, key=lambda one: one.height)[len(m.sharp) // 2 :]


def _edges(m: Measures) -> tuple[float, float]:
    near = _near(m)
    return median(s.along for s in near), median(s.across for s in near)


def _is_soft(m: Measures) -> bool:
    return max(_edges(m)) > _EDGE_WEAK


def _sharpness(m: Measures) -> Finding:
    along, across = _edges(m)
    wide = max(along, across)
    found = f"edges {100 * wide:.0f} % of the plate's height wide"
    typical = median(s.height for s in _near(m))
    if wide <= _EDGE_WEAK or wide * typical <= _PIXELS:
        return Finding("sharpness", found)
    level: Level = "bad" if wide > _EDGE_BAD else "weak"
    if along > _ONE_WAY * across:
        return Finding(
            "sharpness",
            f"{found}, {along / across:.1f} times as wide along the text: motion",
            level,
            "shorten the shutter (1/500 s, 1/1000 s for fast traffic), with more light or gain",
            6,
        )
    if across > _ONE_WAY * along:
        found += ", across the text: motion, or an interlaced picture"
    change = "focus the lens on where plates are read, clean it, and raise the bit rate"
    return Finding("sharpness", found, level, change, 5)


def _light(m: Measures) -> Finding:
    contrast, white = median(s.contrast for s in _near(m)), median(s.white for s in _near(m))
    found = f"contrast {contrast:.0f} of 255"
    if white > _WHITE:
        change = "expose for the plates, not for the street: shorter shutter, less infrared light, no automatic gain"
        return Finding("exposure of plates", f"{found}, {100 * white:.0f} % burnt out", "weak", change, 5)
    if contrast < _CONTRAST:
        change = "more light on the plates (infrared beside the lens at night), or a shorter way through haze and glass"
        return Finding("exposure of plates", found, "weak", change, 4)
    return Finding("exposure of plates", found)


def _rows(m: Measures) -> Iterator[Finding]:
    rejected = sum(m.rejected.values())
    if not m.vehicles:
        what = f"none; {rejected} tracks without one" if rejected else "none"
        yield Finding("rows", what, "weak", "see the reasons: alpr run SOURCE --ledger FOLDER, alpr explain FOLDER", 2)
        return
    sure, reads = median(v.confidence for v in m.vehicles), median(v.reads for v in m.vehicles)
    found = f"{len(m.vehicles)} vehicles, confidence {sure:.2f}, {reads:.0f} readings each (medians)"
    if reads >= _READS:
        yield Finding("rows", found)
        return
    change = "let vehicles be in view longer: a narrower angle to the lane, a slower place, or more frames per second"
    yield Finding("rows", found, "weak", change, 3)
