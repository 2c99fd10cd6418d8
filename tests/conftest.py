"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


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
