"""The samples of `alpr soak` drawn: memory with its trend, frame age, threads and files, over camera time."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from streamer.errors import InputError
from streamer.soak.trend import Trend, trend
from streamer.types import FloatArray
from train.figures.pyplot import pyplot, save

_NEEDED = ("at_s", "memory_mb", "age_p50_ms", "age_p99_ms", "tasks", "files", "reconnects")


def read_samples(path: Path) -> dict[str, FloatArray]:
    """The columns of the CSV that `alpr soak --samples` wrote; InputError where it is none."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        columns = {name: np.array([float(row[name]) for row in rows]) for name in _NEEDED}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): give the file of alpr soak --samples") from None
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: holds no samples: give the file of alpr soak --samples") from None
    if not rows:
        raise InputError(f"{path}: holds no samples yet: let alpr soak run longer")
    return columns


def plot_soak(samples: dict[str, FloatArray], warm_s: float, out: Path) -> Trend | None:
    """Writes the picture and gives the memory's trend after `warm_s`."""
    minutes, warm = samples["at_s"] / 60, samples["at_s"] >= warm_s
    found = trend(samples["at_s"][warm], samples["memory_mb"][warm])
    figure, (memory, age, held) = pyplot().subplots(3, 1, figsize=(8, 7.5), sharex=True)
    memory.plot(minutes, samples["memory_mb"], lw=0.8)
    if found is not None:
        middle = samples["at_s"][warm].mean()
        fitted = samples["memory_mb"][warm].mean() + found.slope * (samples["at_s"][warm] - middle) / 3600
        label = f"{found.slope:+.2f} MB an hour, at most {found.high:+.2f} (95 %)"
        memory.plot(minutes[warm], fitted, "--", label=label)
        memory.legend(loc="lower right")
    memory.set(ylabel="memory, MB", ylim=(0, 1.15 * samples["memory_mb"].max()))
    age.plot(minutes, samples["age_p99_ms"], lw=0.8, label="99 %")
    age.plot(minutes, samples["age_p50_ms"], lw=0.8, label="middle")
    age.set(ylabel="age of a frame when done, ms", ylim=(0, 1.2 * np.quantile(samples["age_p99_ms"], 0.995)))
    age.legend(loc="upper right")
    held.plot(minutes, samples["tasks"], lw=0.8, label="threads")
    held.plot(minutes, samples["files"], lw=0.8, label="open files")
    held.plot(minutes, samples["reconnects"], lw=0.8, label="connections after the first")
    held.set(xlabel="minutes", ylim=(0, None))
    held.legend(loc="upper left")
    save(figure, out)
    return found
