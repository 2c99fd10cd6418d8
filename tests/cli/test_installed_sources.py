"""Sources of installed packages, by the scheme of their addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from plugkit import install, installed
from streamkit import alpr

from streamer.config.models import CameraConfig, LiveConfig, load_config
from streamer.errors import ConfigError
from streamer.pipeline.cameras import camera_source
from streamer.source.paced import PacedSource
from streamer.source.resolve import open_source

STUDIO = """
from streamer.testing import FakeCamera, drive

class Tape(FakeCamera):
    def __init__(self, address, place):
        super().__init__(drive(12), name=place.name)
        self.given = address, place

    def again(self):
        return Tape(*self.given)

class Studio(Tape):
    def __init__(self, address, place):
        super().__init__(address, place)
        self.live, self.finite = True, True

    def again(self):
        return Studio(*self.given)

class Once:
    name, live, warnings = "once", False, ()
    def __init__(self, address, place): pass
    def open(self): ...
    def frames(self): ...
    def close(self): ...

class Deaf:
    name, live, warnings = "deaf", True, ()
    def __init__(self, address, place): pass
    def open(self): ...
    def frames(self): ...
    def close(self): ...

class Faulty:
    def __init__(self, address, place):
        raise KeyError(address)

class Refusing:
    def __init__(self, address, place):
        from streamer import InputError
        raise InputError(f"{place.name}: is not there")

number = 3
"""
POINTS = {
    "ndi": "studio:Studio",
    "tape": "studio:Tape",
    "once": "studio:Once",
    "deaf": "studio:Deaf",
    "faulty": "studio:Faulty",
    "number": "studio:number",
    "absent": "studio:Absent",
    "gone": "no_such_module_here:Source",
    "rtsp": "studio:Tape",
    "refusing": "studio:Refusing",
}


@pytest.fixture(autouse=True)
def studio(tmp_path: Path) -> Iterator[Path]:
    install(tmp_path / "site", "studio", "alpr.sources", POINTS, STUDIO)
    with installed(tmp_path / "site") as folder:
        yield folder


def test_a_source_is_made_with_its_address_and_place() -> None:
    live = LiveConfig(silence_s=7)
    (source,) = open_source("NDI://user:pass@studio/1", live=live, video_track=2)
    address, place = source.given  # type: ignore[attr-defined]
    assert address == "NDI://user:pass@studio/1"
    assert (place.name, place.live, place.video_track) == ("NDI://***@studio/1", live, 2)
    assert source.live
    (tape,) = open_source("tape://box/7")
    assert not tape.live


def test_built_in_schemes_stay(tmp_path: Path) -> None:
    (source,) = open_source("rtsp://host/x")
    assert type(source).__name__ == "VideoSource"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("gone://x", r"alpr\.sources: gone of studio cannot be loaded \(ModuleNotFoundError: .*uninstall studio"),
        ("absent://x", r"alpr\.sources: absent of studio cannot be loaded \(AttributeError"),
        ("number://x", r"number of studio \(studio:number\): expected a class, not int"),
        ("faulty://u:secret@x", r"faulty of studio: fails with faulty://\*\*\*@x \(KeyError: "),
        ("deaf://x", r"deaf of studio: its source has no again"),
        ("mdi://x", r"mdi://: unknown scheme of an address: did you mean .*packages add absent://, .* ndi://, "),
    ],
)
def test_what_is_wrong_is_told_in_one_line(address: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        open_source(address)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_two_packages_with_one_scheme(studio: Path) -> None:
    install(studio, "other", "alpr.sources", {"ndi": "other:Ndi"})
    with installed(studio), pytest.raises(ConfigError, match=r"ndi: other:Ndi of other and studio:Studio of studio"):
        open_source("ndi://x")


def test_a_recording_is_played_at_its_own_rate_as_a_camera() -> None:
    source = camera_source(CameraConfig(url="tape://box", loop=True), LiveConfig())
    assert isinstance(source, PacedSource)
    assert (source.live, source.finite, source.threads) == (True, False, 0)
    assert [f.index for f, _ in zip(_opened(source), range(3), strict=False)] == [0, 1, 2]
    assert not camera_source(CameraConfig(url="once://box"), LiveConfig()).live
    with pytest.raises(ConfigError, match=r"once: loop: this source cannot be read again"):
        camera_source(CameraConfig(url="once://box", loop=True), LiveConfig())


def _opened(source: PacedSource):  # type: ignore[no-untyped-def]
    source.open()
    return source.frames()


@pytest.mark.usefixtures("fake_networks")
def test_by_scheme_from_the_command_line_and_from_cameras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, many, config = tmp_path / "one.csv", tmp_path / "many.csv", tmp_path / "c.yaml"
    assert alpr("run", "tape://box/1", "--csv", one, "--quiet") == 0
    rows = one.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2
    assert rows[1].startswith("tape://box/1,1,皖A12345,")
    config.write_text("cameras:\n  desk: ndi://studio\n  shelf: {url: 'tape://box/2'}\n")
    assert alpr("run", "--config", config, "--csv", many, "--quiet") == 0
    found = many.read_text(encoding="utf-8").splitlines()[1:]
    assert sorted(row.split(",")[0] for row in found) == ["desk", "shelf"]
    assert alpr("check", config) == 0
    capsys.readouterr()


@pytest.mark.parametrize("verb", [("run", "--quiet", "--config"), ("check",)], ids=["run", "check"])
@pytest.mark.usefixtures("fake_networks")
def test_a_broken_package_ends_a_run_of_cameras_with_2(
    verb: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("cameras: {gate: 'gone://x'}\n")
    load_config(config).check_addresses()
    assert alpr(*verb, config) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "gone of studio cannot be loaded" in line


@pytest.mark.usefixtures("fake_networks")
def test_a_source_that_refuses_is_a_failed_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert alpr("run", "refusing://x", "--csv", tmp_path / "r.csv", "--quiet") == 3
    assert "refusing://x: is not there" in capsys.readouterr().err
