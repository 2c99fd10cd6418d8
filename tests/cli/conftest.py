"""The command line without weights."""

from __future__ import annotations

import pytest
from streamkit import FakeDetector, FakeReader

import streamer.pipeline.engines


@pytest.fixture
def fake_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins in the place of the networks."""
    plain = streamer.pipeline.engines.load_engines
    monkeypatch.setattr(
        streamer.pipeline.engines, "load_engines", lambda config, *_: plain(config, FakeDetector(), FakeReader())
    )
