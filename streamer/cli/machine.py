"""Helpers of the benchmarks: the processor's name and the range of measurements."""

from __future__ import annotations

import platform
from pathlib import Path


def spread(values: list[float]) -> str:
    """`lowest-highest of n rounds`."""
    return f"{min(values):.1f}-{max(values):.1f} of {len(values)} rounds"


def cpu_name() -> str:
    """The processor's model name where the system provides it, else its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
