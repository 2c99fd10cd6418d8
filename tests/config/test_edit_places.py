"""Zones and lines saved into a configuration: its comments, quotes and other values stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.config.edit_places import digest_of_file, save_places
from streamer.config.models import load_config
from streamer.config.yaml_text import edited, scalar
from streamer.errors import ConfigError, OutputError

SITE = """# the yard
detector: plate-detector-s   # small
cameras:
    gate:   # by the road
        url: "rtsp://x:${PW}@cam/1"   # main stream
        zones:
            # people walk here
            street: {polygon: [[0, 0], [1, 0], [1, 0.50]], use: ignore}
            drive:
                polygon: [[0.10, 0.2], [0.3, .4], [1, 1]]

    yard: rtsp://y

outputs:
- {type: csv, path: rows.csv}   # all rows
- type: jsonl
  path: 'rows.jsonl'
watch:
  -   name: NO
      file: 0123.txt
"""
STREET = {"polygon": [[0, 0], [1, 0], [1, 0.5]], "use": "ignore"}
DRIVE = {"polygon": [[0.1, 0.2], [0.3, 0.4], [1, 1]]}
LINE = {"start": [0.1, 0.5], "end": [0.9, 0.512345]}


def saved(path: Path, camera: str | None, zones: dict[str, object], lines: dict[str, object]) -> str:
    save_places(path, camera, zones, lines, seen=digest_of_file(path))  # type: ignore[arg-type]
    return path.read_text()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


def test_what_is_the_same_is_not_written(site: Path) -> None:
    assert saved(site, "gate", {"street": STREET, "drive": DRIVE}, {}) == SITE


def test_only_what_changed_is_changed(site: Path) -> None:
    drive = {"polygon": [[0.1, 0.2], [0.35, 0.4], [1, 1], [0, 1]], "use": "read"}
    text = saved(site, "gate", {"street": STREET, "drive": drive}, {"entry": LINE})
    new = "        lines:\n            entry:\n                start: [0.1, 0.5]\n                end: [0.9, 0.5123]\n"
    expected = SITE.replace("[[0.10, 0.2], [0.3, .4], [1, 1]]\n", f"[[0.1, 0.2], [0.35, 0.4], [1, 1], [0, 1]]\n{new}")
    assert text == expected
    config = load_config(site)
    assert config.cameras["gate"].lines["entry"].end == (0.9, 0.5123)
    assert config.cameras["gate"].zones["street"].use == "ignore"


def test_zones_go(site: Path) -> None:
    text = saved(site, "gate", {"street": STREET}, {})
    assert "drive" not in text
    assert "# people walk here" in text
    assert "zones" not in saved(site, "gate", {}, {})


def test_a_camera_that_is_only_a_url_gets_zones(site: Path) -> None:
    text = saved(site, "yard", {"all": {"polygon": [[0, 0], [1, 0], [1, 1]]}}, {})
    assert load_config(site).cameras["yard"].zones["all"].polygon[2] == (1, 1)
    assert SITE.split("    yard:")[0] in text
    assert text.endswith(SITE[SITE.index("outputs:") :])


@pytest.mark.parametrize("text", ["", "# only this\n", "detector: plate-detector-s"])
def test_a_run_of_one_source_gets_zones(tmp_path: Path, text: str) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(text)
    assert saved(path, None, {"drive": DRIVE}, {}).startswith(text)
    assert load_config(path).zones["drive"].polygon[0] == (0.1, 0.2)


def test_line_ends_mark_and_mode_stay(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_bytes(b"\xef\xbb\xbfdetector: plate-detector-s\r\n")
    path.chmod(0o640)
    save_places(path, None, {"drive": DRIVE}, {}, seen=digest_of_file(path))
    assert path.read_bytes().startswith(b"\xef\xbb\xbfdetector: plate-detector-s\r\nzones:\r\n")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("zones", "told"),
    [
        ({"a": {"polygon": [[0, 0], [1, 0], [1, 7]]}}, r"site.yaml:\d+: cameras.gate.zones.a.polygon"),
        ({"a": {"polygon": [[0, 0], [1, 0]]}}, "cameras.gate.zones.a.polygon"),
        ({"a": {"polygon": [[0, 0], [1, 0], [1, 1]], "use": "x"}}, "cameras.gate.zones.a.use"),
    ],
)
def test_a_faulty_one_leaves_the_file_as_it_was(site: Path, zones: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as raised:
        saved(site, "gate", zones, {})
    assert ".part" not in str(raised.value)
    assert site.read_text() == SITE
    assert [p.name for p in site.parent.iterdir()] == ["site.yaml"]


def test_a_change_of_somebody_else_is_not_lost(site: Path) -> None:
    seen = digest_of_file(site)
    site.write_text(SITE + "# more\n")
    with pytest.raises(ConfigError, match="was changed meanwhile"):
        save_places(site, "gate", {}, {}, seen=seen)


def test_what_cannot_be_edited(tmp_path: Path, site: Path) -> None:
    with pytest.raises(ConfigError, match="there is no 'none'"):
        saved(site, "none", {"drive": DRIVE}, {})
    shared = tmp_path / "shared.yaml"
    shared.write_text("cameras:\n  a: &one {url: rtsp://a}\n  b: *one\n")
    with pytest.raises(ConfigError, match="shared with other parts"):
        saved(shared, "a", {"drive": DRIVE}, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        digest_of_file(tmp_path / "none.yaml")
    with pytest.raises(OutputError, match="cannot be written"):
        save_places(tmp_path / "none.yaml", None, {}, {}, seen="")


def test_what_is_no_text_is_not_written(site: Path) -> None:
    for name in ("\ud800", "a\nb", " ", ""):
        with pytest.raises(ConfigError, match="is no name of a zone"):
            saved(site, "gate", {name: DRIVE}, {})
    assert site.read_text() == SITE
    site.write_bytes(SITE.encode() + b"# \xff\n")
    with pytest.raises(ConfigError, match="no text in UTF-8"):
        saved(site, "gate", {"drive": DRIVE}, {})


@pytest.mark.parametrize("name", ["NO", "1e5", "~", "a: b", "#x", "京", "two words", "'", "zones"])
def test_any_name_is_a_name(site: Path, name: str) -> None:
    saved(site, "gate", {name: DRIVE}, {name: LINE})
    gate = load_config(site).cameras["gate"]
    assert (list(gate.zones), list(gate.lines)) == ([name], [name])


def test_a_link_stays_a_link(site: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(site)
    saved(link, "gate", {}, {})
    assert link.is_symlink()
    assert "zones" not in site.read_text()


@pytest.mark.parametrize("text", ["NO", "0123", "1e5", "null", "a: b", "#x", "", " a", "*a", "京A1", "AB-1", "12:30"])
def test_added_texts_are_texts_to_any_reader(text: str) -> None:
    import yaml

    def add(value: list[object]) -> list[object]:
        value.append(scalar(text))
        return value

    assert yaml.safe_load(edited("- one\n", add)) == ["one", text]
