"""What the benchmarks share: the machine's name, and measured values in a line."""

from __future__ import annotations

import platform
from pathlib import Path


def spread(values: list[float]) -> str:
    """`lowest-highest of n rounds`."""
    return f"{min(values):.1f}-{max(values):.1f} of {len(values)} rounds"


def cpu_name() -> str:
    """The processor's name as its maker writes it, where the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
