"""Nothing that an installed package says holds a password, whatever it does with its address or settings."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plugkit import install, installed
from streamkit import alpr

from streamer.cli.log import TextLines
from streamer.config.models import load_config
from streamer.config.secrets import Secrets
from streamer.errors import AlprError, ConfigError, InputError, OutputError
from streamer.pipeline.fanout import Outputs
from streamer.sink.events import Tick
from streamer.sink.registry import OutputPlace, open_output
from streamer.source.registry import open_installed
from streamer.source.resolve import open_source

ADDRESS = "tell://bob:s%40crets@host/x?rate=abc&token=letters"
SOURCES = """
from dataclasses import replace
from fractions import Fraction
from urllib.parse import unquote, urlsplit
from streamer import ConfigError, InputError
from streamer.testing import FakeCamera, drive

class Tell(FakeCamera):
    def __init__(self, address, place):
        self.parts, self.address = urlsplit(address), address
        super().__init__(drive(4), name=self.parts.netloc)
        self.given = address, place
        self.warnings.append(f"{address}: is slow")
        self.told = [unquote(self.parts.password), "bob:s@crets", self.parts.password, address, self.parts.query]

    def again(self):
        return type(self)(*self.given)

    def open(self):
        return replace(super().open(), name=self.parts.netloc, address=self.address, identity=self.parts.password)

    def frames(self):
        self.warnings.append("refused " + unquote(self.parts.password))
        yield from super().frames()
        error = InputError(*self.told, at=self.address, key=self.parts.password)
        error.__cause__ = KeyError(self.address)
        raise error

class Number(Tell):
    def __init__(self, address, place):
        Fraction(urlsplit(address).query[5:8])

class Zero(Tell):
    def __init__(self, address, place):
        1 / 0

class Wrong(Tell):
    def __init__(self, address, place):
        raise ConfigError(f"{urlsplit(address).netloc}: no", f"{address}: no", at=address)

class Crash(Tell):
    def open(self):
        raise KeyError(self.told)

class Down(Tell):
    def open(self):
        raise ConnectionRefusedError(111, f"refused {self.address}", self.address)

class Own(Tell):
    def open(self):
        class Mine(InputError):
            def __str__(myself):
                return self.address + self.parts.password
        raise Mine("x")
"""
SINKS = """
from pydantic import Field
from streamer import BaseSink, Output, OutputError

class Post(BaseSink):
    class Settings(Output):
        url: str
        password: str = Field(min_length=8)
    def __init__(self, output, place):
        self.output = output
        self.says = f"{output.url} {output.password} bob:letters"
        if output.url.endswith("down"):
            raise OSError(5, self.says)
        if output.url.endswith("odd"):
            raise OutputError(self.says, at=output.url)
        if output.url.endswith("bug"):
            raise KeyError(self.says)
    @property
    def name(self):
        return self.says
    def result(self):
        return self.says
    def tick(self):
        raise {"1": OutputError, "2": OSError, "3": KeyError}[self.output.url[-1]](self.says)
"""
HIDDEN = ("s@crets", "s%40crets", "letters", "hunter2two")


@pytest.fixture(autouse=True)
def packages(tmp_path: Path) -> Iterator[None]:
    names = ("Tell", "Number", "Zero", "Wrong", "Crash", "Down", "Own")
    install(tmp_path / "site", "teller", "alpr.sources", {n.lower(): f"teller:{n}" for n in names}, SOURCES)
    install(tmp_path / "site", "poster", "alpr.sinks", {"post": "poster:Post"}, SINKS)
    with installed(tmp_path / "site"):
        yield


def clean(*texts: object) -> None:
    for text in texts:
        assert not any(secret in str(text) for secret in HIDDEN), text


def clean_error(do: Callable[[], Any], kind: type[BaseException]) -> BaseException:
    """The error, which tells no secret anywhere."""
    with pytest.raises(kind) as caught:
        do()
    error = caught.value
    clean(error, error.args, vars(error), *traceback.format_exception_only(error))
    assert error.__cause__ is None or isinstance(error.__cause__, AlprError)
    clean(*(line for line in traceback.format_exception(error) if not line.startswith("  File")))
    return error


def test_a_source_says_no_secret() -> None:
    source = open_source(ADDRESS)[0]
    info = source.open()
    clean(source.name, info, source.warnings, source.address)  # type: ignore[attr-defined]
    assert (source.name, info.name) == ("***@host", "***@host")
    error = clean_error(lambda: list(source.frames()), InputError)
    assert isinstance(error, InputError)
    assert error.url == "tell://***@host/x?***"
    assert source.warnings == ["tell://***@host/x?***: is slow", "refused ***"]
    clean(source.again().name)  # type: ignore[attr-defined]


@pytest.mark.parametrize("scheme", ["crash", "down", "own"])
def test_errors_of_opening_say_no_secret(scheme: str) -> None:
    source = open_installed(ADDRESS.replace("tell", scheme, 1))
    error = clean_error(source.open, InputError)
    assert str(error).startswith(f"{scheme}://***")


@pytest.mark.parametrize("scheme", ["number", "zero", "wrong"])
@pytest.mark.usefixtures("fake_networks")
def test_a_wrong_value_of_an_address_is_the_users_error(
    scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = ADDRESS.replace("tell", scheme, 1)
    error = clean_error(lambda: open_source(address), ConfigError)
    assert f"{scheme}://***@host/x?***: " in str(error)
    assert "uninstall" not in str(error)
    (tmp_path / "c.yaml").write_text(f"cameras: {{gate: '{address}'}}\n")
    rows = tmp_path / "rows.csv"
    rows.write_text("camera\nother\n")
    for verb in (
        ("run", address),
        ("run", "--csv", rows, "--config", tmp_path / "c.yaml"),
        ("check", tmp_path / "c.yaml"),
    ):
        assert alpr(*verb) == 2
        told = capsys.readouterr().err
        assert f"{scheme}://***@host/x?***" in told
        clean(told)
    assert rows.read_text() == "camera\nother\n"


@pytest.mark.usefixtures("fake_networks")
def test_rows_log_and_errors_of_a_run_say_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.csv"
    assert alpr("run", ADDRESS, "--csv", rows) == 3
    output = capsys.readouterr()
    clean(output.err, output.out, rows.read_text(encoding="utf-8"))
    assert "refused ***" in output.err


def post(url: str) -> Any:
    config = load_config(None, [f"outputs=[{{type: post, url: '{url}', password: hunter2two}}]"])
    return open_output(config.outputs[0], OutputPlace())


@pytest.mark.parametrize(("end", "kind"), [("down", OutputError), ("odd", OutputError), ("bug", ConfigError)])
def test_a_sink_that_cannot_be_made_says_no_secret(end: str, kind: type[AlprError]) -> None:
    clean_error(lambda: post(f"mqtt://bob:letters@host/{end}"), kind)


@pytest.mark.parametrize(("end", "kind"), [("1", OutputError), ("2", OSError), ("3", RuntimeError)])
def test_a_sink_says_no_secret(end: str, kind: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    sink = post(f"mqtt://bob:letters@host/{end}")
    clean(sink.name, sink.result())
    clean_error(lambda: sink.write(Tick("")), kind)
    outputs = Outputs([sink])
    outputs.put(Tick(""))
    outputs.close()
    clean(outputs.error, outputs.deliveries[0].name, *(TextLines().format(record) for record in caplog.records))
    assert outputs.error is not None


def test_settings_that_are_wrong_or_listed_say_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("outputs: [{type: post, url: 'mqtt://h/x', password: letters}]\n")
    assert alpr("check", config) == 2
    told = capsys.readouterr().err
    assert "outputs.0.password: " in told
    clean(told)
    config.write_text("outputs: [{type: post, url: 'mqtt://h/x', password: hunter2two}]\n")
    alpr("check", config)
    output = capsys.readouterr()
    clean(output.out, output.err)
    assert "post" in output.out


def test_log_lines_of_a_package_say_no_secret() -> None:
    open_installed(ADDRESS)
    record = logging.LogRecord("streamer.x", 30, "x.py", 1, "asked with %s", ("s@crets",), None)
    assert TextLines().format(record).endswith("asked with ***")


def test_what_is_no_secret_stays() -> None:
    secrets = Secrets.of_address("frames://a:1@host/pictures?rate=25&live=true&pin=x")
    assert secrets.hidden("host, pictures, 25 frames, 100, x, true") == "host, pictures, 25 frames, 100, x, true"
    assert secrets.hidden("is 1") == "is ***"
    assert Secrets.of_address("frames:///data/x").hidden("/data/x") == "/data/x"
