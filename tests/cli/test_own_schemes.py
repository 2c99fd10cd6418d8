"""A scheme of this program with a source of its own: a line of SCHEMES makes it readable wherever an address stands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from streamkit import alpr

from streamer.config.schemes import SCHEMES, Scheme
from streamer.config.urls import checked, installed_schemes
from streamer.errors import ConfigError
from streamer.source.registry import SourcePlace
from streamer.source.resolve import open_source
from streamer.testing import FakeCamera, drive


class Drawn(FakeCamera):
    def __init__(self, address: str, place: SourcePlace) -> None:
        super().__init__(drive(int(address[len("drawn://") :])), name=place.name)
        self.given = address, place

    def again(self) -> Drawn:
        return Drawn(*self.given)


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "drawn_source", sys.modules[__name__])
    monkeypatch.setitem(SCHEMES, "drawn", Scheme(made_by="drawn_source:Drawn"))


@pytest.mark.usefixtures("fake_networks")
@pytest.mark.parametrize("given", [("drawn://12",), ("drawn://12", "--realtime"), ("--config", "c.yaml")])
def test_it_is_read(given: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text("cameras: {gate: 'drawn://12'}\n")
    assert alpr("run", *given, "--csv", "rows.csv", "--quiet") == 0
    (row,) = (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert row.split(",")[0] == ("gate" if "--config" in given else "drawn://12")


def test_it_is_made_with_the_address_and_a_place() -> None:
    (source,) = open_source("DRAWN://4", video_track=3)
    assert isinstance(source, Drawn)
    assert source.given[0] == "DRAWN://4"
    assert (source.given[1].name, source.given[1].video_track) == ("DRAWN://4", 3)
    assert "drawn" not in installed_schemes()
    with pytest.raises(ConfigError, match=r"drwan://: unknown scheme of an address: did you mean drawn://\?"):
        checked("drwan://4")
