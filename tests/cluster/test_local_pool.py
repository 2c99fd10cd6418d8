"""Processes of this machine: results, faults, deaths, and the cores that each keeps to."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.cluster import cores
from streamer.cluster.local import BugError, LocalPool, answered
from streamer.cluster.pool import Outcome
from streamer.errors import InputError


@pytest.fixture
def own_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Locks of cores that no other test holds; the process is as it was afterwards."""
    monkeypatch.setenv("ALPR_CORES", str(tmp_path / "cores"))
    before = os.sched_getaffinity(0)
    yield
    for _, lock in cores._held:
        os.close(lock)
    cores._held.clear()
    os.sched_setaffinity(0, before)


def wait_for(pool: LocalPool, count: int) -> dict[int, Outcome]:
    found: dict[int, Outcome] = {}
    end = time.monotonic() + 120
    while len(found) < count:
        assert time.monotonic() < end
        found |= {one.number: one for one in pool.outcomes(0.5)}
    return found


def test_tasks_faults_and_deaths(own_cores: None) -> None:
    pool = LocalPool(1)
    try:
        tasks = [(math.sqrt, 4.0), (math.sqrt, -1.0), (signal.raise_signal, signal.SIGKILL), (os.sched_getaffinity, 0)]
        for number, (work, argument) in enumerate(tasks):
            pool.submit(number, work, argument)
        found = wait_for(pool, 4)
        assert pool.slots == 1
        pids = pool.pids
    finally:
        pool.close()
    assert (found[0].state, found[0].value) == ("done", 2.0)
    assert found[1].state == "failed"
    assert isinstance(found[1].value, BugError)
    assert "ValueError" in str(found[1].value)
    assert found[2] == Outcome(2, "lost", "its process was killed (SIGKILL: out of memory?)")
    assert found[3].state == "done"  # by the process that took its place
    assert len(found[3].value) == 1  # all its threads keep to one core
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_errors_of_the_program_travel_as_they_are() -> None:
    def fails(_: object) -> None:
        raise InputError("a.mp4: no such file", at="a.mp4")

    state, value = answered(fails, None)
    assert state == "failed"
    assert isinstance(value, InputError)
    assert str(value) == "a.mp4: no such file"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_cores_are_claimed_once(own_cores: None) -> None:
    free = os.sched_getaffinity(0)
    mine = cores.claim_cores(1)
    assert mine == cores.claim_cores(1)
    assert os.sched_getaffinity(0) == set(mine)
    os.sched_setaffinity(0, free)
    other = subprocess.run(
        [sys.executable, "-c", "from streamer.cluster.cores import claim_cores; print(claim_cores(1))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = sorted(free - set(mine))[:1]
    assert other.stdout.strip() == str(tuple(expected))  # nothing where all are taken
