"""A simulated fleet drawn: load of the nodes, moves and failures over the day, and how long cameras were not read.

python -m train.figures.fleet DAY.json docs/fleet-day.png       # of alpr fleet simulate --json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from streamer.errors import InputError
from train.figures.pyplot import pyplot, save

_NAMES = {"gone": "node failed", "behind": "node behind", "balance": "balance"}


def read_day(path: Path) -> dict[str, Any]:
    """What `alpr fleet simulate --json` wrote; InputError where it is something else."""
    try:
        day = json.loads(path.read_text(encoding="utf-8"))
        return {name: day[name] for name in ("summary", "moves", "gaps", "shares")}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): see alpr fleet simulate --json") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: is no simulated day: give the file of alpr fleet simulate --json") from None


def plot_day(day: dict[str, Any], out: Path) -> None:
    """Writes the picture."""
    figure, (load, moves, gaps) = pyplot().subplots(3, 1, figsize=(8, 8))
    shares = np.array(day["shares"])
    hours = shares[:, 0] / 3600
    load.fill_between(hours, shares[:, 1], shares[:, 3], alpha=0.3, label="least and most loaded node")
    load.plot(hours, shares[:, 2], lw=1, label="mean")
    load.set(ylabel="share of the cores", ylim=(0, 1))
    load.legend(loc="upper left")
    edges = np.arange(0, day["summary"]["hours"] + 0.25, 0.25)
    kinds = [k for k in _NAMES if any(why == k for _, why in day["moves"])]
    if kinds:
        at = [[second / 3600 for second, why in day["moves"] if why == kind] for kind in kinds]
        moves.hist(at, bins=edges, stacked=True, label=[_NAMES[k] for k in kinds])
        moves.legend(loc="upper left")
    moves.set(ylabel="cameras moved in 15 min", xlim=load.get_xlim())
    for kind, label in (("gone", "their node failed"), ("balance", "moved from a living node")):
        found = sorted(s for _, s, why in day["gaps"] if (why == "gone") == (kind == "gone"))
        if found:
            gaps.plot(found, np.arange(1, len(found) + 1) / len(found), label=f"{label} ({len(found)})")
    gaps.set(xlabel="seconds that a camera was not read", ylabel="share of the gaps", ylim=(0, 1.02))
    gaps.legend(loc="lower right")
    for axis in (load, moves):
        axis.set(xlabel="hours")
    save(figure, out)


if __name__ == "__main__":
    plot_day(read_day(Path(sys.argv[1])), Path(sys.argv[2]))
