"""What is wrong with an installed package's sink is told in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from plugkit import install, installed

from streamer.config.models import load_config
from streamer.errors import AlprError, ConfigError, OutputError
from streamer.sink.registry import OutputPlace, open_outputs
from streamer.sink.sink import name_of

MODULE = """
from streamer import BaseSink, Output, OutputError

class Good(BaseSink):
    class Settings(Output): pass
    def __init__(self, output, place): pass

class NoSettings(BaseSink): pass

class OtherSettings(BaseSink):
    class Settings: pass

class Faulty(Good):
    def __init__(self, output, place): raise KeyError("http://u:secret@x")

class Full(Good):
    def __init__(self, output, place): raise OSError(28, "No space left on device")

class Refusing(Good):
    def __init__(self, output, place): raise OutputError("table: no such database")

class NoArguments(Good):
    def __init__(self): pass

class NoSink:
    class Settings(Output): pass
    def __init__(self, output, place): pass
"""
NAMES = ("Good", "NoSettings", "OtherSettings", "Faulty", "Full", "Refusing", "NoArguments", "NoSink", "Absent")


@pytest.fixture(autouse=True)
def package(tmp_path: Path) -> Iterator[None]:
    points = {name.lower(): f"outs:{name}" for name in NAMES} | {"csv": "outs:Good"}
    install(tmp_path / "site", "outs", "alpr.sinks", points, MODULE)
    with installed(tmp_path / "site"):
        yield


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("nosettings", ConfigError, r"c\.yaml:1: outputs\.0\.type: alpr\.sinks: nosettings of outs .* no Settings"),
        ("othersettings", ConfigError, r"c\.yaml:1: .*othersettings of outs: its Settings must derive from"),
        ("absent", ConfigError, r"c\.yaml:1: .*absent of outs cannot be loaded \(AttributeError"),
        ("faulty", ConfigError, r"alpr\.sinks: faulty of outs: fails \(KeyError: 'http://\*\*\*@x'\)"),
        ("full", OutputError, r"full: cannot be written \(.*No space left"),
        ("refusing", OutputError, r"table: no such database"),
        ("noarguments", ConfigError, r"noarguments of outs: fails \(TypeError: .*made with its settings and"),
        ("nosink", ConfigError, r"nosink of outs: gives no sink: it needs wants"),
    ],
)
def test_faults_of_a_package(tmp_path: Path, name: str, kind: type[AlprError], told: str) -> None:
    (tmp_path / "c.yaml").write_text(f"outputs: [{{type: {name}}}]\n")
    with pytest.raises(kind, match=told) as caught:
        open_outputs(load_config(tmp_path / "c.yaml").outputs, OutputPlace())
    assert "\n" not in str(caught.value)


def test_types_of_this_program_stay(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"outputs: [{{type: good}}, {{type: csv, path: {tmp_path / 'p.csv'}}}]\n")
    sinks = open_outputs(load_config(tmp_path / "c.yaml").outputs, OutputPlace())
    assert [name_of(sink) for sink in sinks] == ["good", "csv"]
    for sink in sinks:
        sink.close()
