"""The zoo: models are found, verified and refused with a message that says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from streamer.engine import zoo
from streamer.engine.runtime import available_cores, compile_model, multiplies_bytes, resolve_precision
from streamer.errors import ConfigError, ModelError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo of one model whose files are text."""
    folder = tmp_path / "zoo" / "little"
    folder.mkdir(parents=True)
    files = {}
    for precision in ("f32", "int8"):
        xml = folder / f"little-{precision}.xml"
        xml.write_text(f"<{precision}/>")
        xml.with_suffix(".bin").write_bytes(precision.encode())
        files[precision] = {
            "xml": xml.name,
            "sha256_xml": zoo.sha256(xml),
            "sha256_bin": zoo.sha256(xml.with_suffix(".bin")),
        }
    (folder / "card.yaml").write_text(yaml.safe_dump({"name": "little", "min_score": 0.3, "files": files}))
    monkeypatch.setattr(zoo, "zoo_folder", lambda: tmp_path / "zoo")
    return folder


@pytest.mark.parametrize(("precision", "file"), [("f32", "f32"), ("bf16", "f32"), ("int8", "int8")])
def test_a_name_and_a_path_find_the_same_file(shelf: Path, precision: str, file: str) -> None:
    by_name = zoo.find_model("little", precision)
    by_path = zoo.find_model(shelf / f"little-{file}.xml", precision)
    assert by_name.xml == by_path.xml == shelf / f"little-{file}.xml"
    assert by_name.card["min_score"] == by_path.card["min_score"] == 0.3
    assert by_name.int8 == by_path.int8 == (file == "int8")


def test_a_folder_of_another_place(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    shelf.rename(tmp_path / "own" / "mine")
    monkeypatch.chdir(tmp_path)
    for name in ("own/mine", str(tmp_path / "own" / "mine")):
        assert zoo.find_model(name, "int8").xml.is_file()


def test_a_model_without_a_card_is_taken_as_it_is(tmp_path: Path) -> None:
    xml = tmp_path / "own.xml"
    xml.write_text("<x/>")
    xml.with_suffix(".bin").touch()
    assert zoo.find_model(xml, "f32").card == {}


def spoil_bin(folder: Path) -> None:
    (folder / "little-f32.bin").write_bytes(b"other weights")


def spoil_xml(folder: Path) -> None:
    (folder / "little-f32.xml").write_text("<other/>")


def lose_bin(folder: Path) -> None:
    (folder / "little-f32.bin").unlink()


def lose_precision(folder: Path) -> None:
    card = yaml.safe_load((folder / "card.yaml").read_text())
    del card["files"]["f32"]
    (folder / "card.yaml").write_text(yaml.safe_dump(card))


def list_card(folder: Path) -> None:
    (folder / "card.yaml").write_text("- 1")


def broken_card(folder: Path) -> None:
    (folder / "card.yaml").write_text("a: [")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_bin, "little-f32.bin is not the one its card describes"),
        (spoil_xml, "little-f32.xml is not the one its card describes"),
        (lose_bin, "little-f32.bin is missing"),
        (lose_precision, "no f32 file in its card; there are int8"),
        (list_card, "is not a mapping"),
        (broken_card, "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(shelf: Path, spoil, says: str) -> None:  # type: ignore[no-untyped-def]
    spoil(shelf)
    with pytest.raises(ModelError, match=says) as caught:
        zoo.find_model("little", "f32")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [("plate-detektor", "known: little"), ("nowhere/model.xml", "the .xml or the .bin beside it is missing")],
)
def test_unknown_models(shelf: Path, name: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        zoo.find_model(name, "f32")


def test_files_that_are_no_network(shelf: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded by OpenVINO"):
        compile_model(zoo.find_model("little", "f32"), [1, 8, 8, 3], "f32", 1, outputs=[3])


@pytest.mark.parametrize(
    ("cpuinfo", "fast"),
    [
        ("flags : fpu avx2", False),
        ("flags : avx2 avx512_vnni", True),
        ("flags : avx2 avx_vnni", True),
        ("Features : fp asimd asimddp", True),
        (None, False),
    ],
)
def test_auto_is_int8_where_bytes_are_fast(tmp_path: Path, cpuinfo: str | None, fast: bool) -> None:
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo)
    assert multiplies_bytes(file) is fast


def test_precisions() -> None:
    assert [resolve_precision(p) for p in ("int8", "bf16", "f32")] == ["int8", "bf16", "f32"]
    assert resolve_precision("auto") in {"int8", "f32"}
    with pytest.raises(ConfigError, match="precision 'fp16': expected one of auto, int8, bf16, f32"):
        resolve_precision("fp16")
    assert available_cores() >= 1


SHIPPED = sorted(p.parent.name for p in zoo.zoo_folder().glob("*/card.yaml"))


def test_both_default_models_are_shipped() -> None:
    assert {"plate-detector-s", "plate-reader"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_shipped_models_are_whole(name: str, precision: str) -> None:
    card = zoo.find_model(name, precision).card
    assert card["name"] == name
    assert card["training"]["data_hash"]
    assert card["date"]


def test_the_shipped_zoo_is_small() -> None:
    assert sum(p.stat().st_size for p in zoo.zoo_folder().rglob("*") if p.is_file()) < 20e6


def test_nothing_calls_out(tmp_path: Path) -> None:
    """OpenVINO would look up its makers' servers and write to the home folder when it is imported."""
    code = """
import socket
def refuse(*a, **k): raise SystemExit("looked up " + repr(a[:2]))
socket.getaddrinfo = refuse
import numpy as np
from streamer import PlateReader
PlateReader().read(np.zeros((64, 64, 3), np.uint8))
"""
    environment = {k: v for k, v in os.environ.items() if k != "CI"} | {"HOME": str(tmp_path)}
    repo = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
