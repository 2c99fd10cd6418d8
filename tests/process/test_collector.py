"""The garbage collector around the start of a run."""

from __future__ import annotations

import pytest

from streamer.cli.loading import loaded_engines
from streamer.config.models import RunConfig
from streamer.process import collector


class FakeGc:
    """Python's collector, as far as it is used."""

    def __init__(self) -> None:
        self.enabled = True
        self.done: list[str] = []

    def isenabled(self) -> bool:
        return self.enabled

    def disable(self) -> None:
        self.enabled = False
        self.done.append("disable")

    def enable(self) -> None:
        self.enabled = True
        self.done.append("enable")

    def freeze(self) -> None:
        assert not self.enabled
        self.done.append("freeze")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeGc:
    fake = FakeGc()
    monkeypatch.setattr(collector, "gc", fake)
    monkeypatch.setattr(collector, "_frozen", False)
    return fake


def test_once_in_a_process(fake: FakeGc) -> None:
    for _ in range(3):
        with collector.starting():
            pass
    assert fake.done == ["disable", "freeze", "enable"]


def test_a_start_that_fails_leaves_the_collector_as_it_was(fake: FakeGc) -> None:
    with pytest.raises(KeyError), collector.starting():
        raise KeyError
    assert fake.done == ["disable", "enable"]
    with collector.starting():
        pass
    assert fake.done[2:] == ["disable", "freeze", "enable"]


def test_a_collector_that_is_off_stays_off(fake: FakeGc) -> None:
    fake.enabled = False
    with collector.starting():
        pass
    assert not fake.done


def test_networks_are_loaded_within(fake: FakeGc, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamer.pipeline.engines as engines

    enabled = []
    monkeypatch.setattr(engines, "load_engines", lambda config: enabled.append(fake.enabled))
    loaded_engines(RunConfig())
    assert enabled == [False]
    assert fake.done == ["disable", "freeze", "enable"]
