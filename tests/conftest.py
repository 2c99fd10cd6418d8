"""Fixtures every test may use."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Tests side by side: threads that wait for work by spinning would take the cores from each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# How long an example takes says more of the machine than of the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no worker is left with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def repo() -> Path:
    """The project's root."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The labelled data named in ALPR_DATA. Without it the test is skipped, or fails when ALPR_REQUIRE_DATA is 1."""
    folder = os.environ.get("ALPR_DATA")
    if folder and (Path(folder) / "manifest.jsonl").is_file():
        return Path(folder)
    reason = f"{folder}: holds no manifest.jsonl" if folder else "ALPR_DATA names no data folder"
    if os.environ.get("ALPR_REQUIRE_DATA") == "1":
        pytest.fail(f"{reason}, and ALPR_REQUIRE_DATA is 1")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command leaves its logging to the end of its process; a later test may look for log records of its own."""
    yield
    if console := sys.modules.get("streamer.cli.console"):
        console.stop_log()
    log = logging.getLogger("streamer")
    left = (logging.getLevelName(log.level), log.handlers, log.propagate, log.disabled, log.manager.disable)
    assert left == ("NOTSET", [], True, False, 0)
