"""Entries of `outputs:` in the configuration."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from streamer.config import outputs as outputs_module
from streamer.config import plugins as plugins_module
from streamer.config.models import load_config
from streamer.config.outputs import JsonlOutput, PicturesOutput
from streamer.errors import ConfigError


def config(folder: Path, entry: str) -> Path:
    (folder / "c.yaml").write_text(f"outputs:\n  - {{type: csv, path: p.csv}}\n  - {entry}\n")
    return folder / "c.yaml"


def test_entries_have_the_settings_of_their_type(tmp_path: Path) -> None:
    path = config(tmp_path, "{type: jsonl, path: p.jsonl, provisional: true, rotate_mb: 5}")
    path.write_text(path.read_text() + "cameras:\n  gate: {url: x, outputs: [{type: crops, path: c, max_files: 3}]}\n")
    found = load_config(path)
    jsonl = found.outputs[1]
    assert isinstance(jsonl, JsonlOutput)
    assert (jsonl.provisional, jsonl.rotate_mb, jsonl.append) == (True, 5, None)
    (own,) = found.of_camera("gate").outputs  # the run's are shared, and not opened again
    assert isinstance(own, PicturesOutput)
    assert own.max_files == 3
    assert found.with_options(threads=1).outputs == found.outputs


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{type: csvv, path: x}", r"outputs\.1\.type: unknown type 'csvv': did you mean 'csv'\?"),
        ("{path: x}", r"outputs\.1\.type: expected one of csv, "),
        ("{type: csv}", r"outputs\.1\.path: is missing"),
        ("{type: csv, path: x, rotate: 5}", r"outputs\.1\.rotate: unknown key: did you mean 'rotate_mb'\?"),
        ("{type: video, path: x.mp4, crf: 99}", r"outputs\.1\.crf: input should be less .* \(got 99\)"),
        ("p.csv", r"outputs\.1: expected a mapping, like \{type: csv"),
    ],
)
def test_a_wrong_entry_is_named_with_file_line_and_key(tmp_path: Path, entry: str, told: str) -> None:
    with pytest.raises(ConfigError, match=rf"c\.yaml:3: {told}"):
        load_config(config(tmp_path, entry))


def test_a_broken_package_gives_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {"pager": EntryPoint("pager", "no_such_module_here:Sink", "alpr.sinks")}
    for module in (outputs_module, plugins_module):
        monkeypatch.setattr(module, "plugins", lambda group: broken)
    with pytest.raises(ConfigError, match=r"c\.yaml:3: outputs\.1\.type: alpr\.sinks: pager of .* cannot be loaded"):
        load_config(config(tmp_path, "{type: pager}"))
