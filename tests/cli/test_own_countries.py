"""A folder of the user's own: countries added to, and replacing, those of the program."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from streamkit import alpr, drive, scene, write_video

from streamer import ConfigError, load_config
from streamer.engine.zoo import plate_folders
from streamer.plates.countries import check_countries, known_countries, regions_of, replacements, texts_of

MONACO = """schema: 1
region: europe
layouts:
  - {name: mc, country: MC, colour: white, patterns: ["9999", "A999"]}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mc.yaml").write_text(MONACO)
    return folder


def test_a_country_is_added(own: Path) -> None:
    folders = plate_folders(own)
    check_countries(("MC", "DE"), folders)
    assert known_countries(folders) - known_countries(plate_folders()) == {"MC"}
    assert len(texts_of(["MC"], folders)) == 2
    assert texts_of(["DE"], folders) == texts_of(["DE"], plate_folders())
    assert (regions_of(folders)["MC"], "MC" in regions_of(plate_folders())) == ("europe", False)
    assert replacements(folders) == []
    with pytest.raises(ConfigError, match=r"countries: MC: nothing is known .*--plates"):
        check_countries(("MC",), plate_folders())


def test_a_country_is_replaced(own: Path) -> None:
    (own / "br.yml").write_text("layouts: [{country: BR, patterns: ['99']}]\n")
    folders = plate_folders(own)
    assert texts_of(["BR"], folders) == {("0123456789", "0123456789")}
    assert texts_of(["AR"], folders) == texts_of(["AR"], plate_folders())  # of the same file of the program
    assert "BR" not in regions_of(folders)
    assert replacements(folders) == [f"plates: {own / 'br.yml'}: replaces the program's layouts of BR"]


def test_one_country_has_one_region(own: Path) -> None:
    (own / "more.yaml").write_text("schema: 1\nregion: asia\nlayouts: [{country: MC, patterns: ['9']}]\n")
    with pytest.raises(ConfigError, match=r"more\.yaml:2: region: MC is in europe elsewhere"):
        regions_of(plate_folders(own))


def test_a_folder_without_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"plates: .*none: no such folder"):
        check_countries((), plate_folders(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"plates: .*: holds no YAML file of a country"):
        check_countries((), plate_folders(tmp_path))


@pytest.mark.usefixtures("fake_networks")
def test_verbs_take_the_folder(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video, recording, picture = write_video(tmp_path / "a.mp4", drive(8)), tmp_path / "r.jsonl.gz", tmp_path / "b.png"
    cv2.imwrite(str(picture), scene(64, 48))
    (settings := tmp_path / "my.yaml").write_text(f"plates: {own}\ncountries: [MC]\n")
    assert load_config(settings).plates == str(own)
    runs = (
        ("check", settings), ("run", video, "--config", settings, "--csv", tmp_path / "a.csv", "--record", recording),
        ("run", video, "--plates", own, "--country", "MC", "--csv", tmp_path / "a.csv"),
        ("replay", recording, "--plates", own, "--country", "MC", "--csv", tmp_path / "b.csv"),
        ("read", picture, "--plates", own, "--country", "MC"),
    )  # fmt: skip
    for arguments in runs:
        assert alpr(*arguments) == 0, arguments
    faulty = tmp_path / "faulty"
    faulty.mkdir()
    (faulty / "mc.yaml").write_text(MONACO + "  - {name: two, patterns: ['9']}\n")
    settings.write_text(f"plates: {faulty}\n")
    capsys.readouterr()
    for arguments in (
        ("check", settings), ("run", video, "--plates", faulty, "--csv", tmp_path / "a.csv"),
        ("replay", recording, "--plates", faulty), ("read", picture, "--plates", faulty),
    ):  # fmt: skip
        assert alpr(*arguments) == 2, arguments
        assert "mc.yaml:5: layouts.1.country: field required" in capsys.readouterr().err


def test_a_camera_has_no_folder_of_its_own(own: Path, tmp_path: Path) -> None:
    (settings := tmp_path / "my.yaml").write_text(f"cameras:\n  gate: {{url: 'rtsp://h/s', plates: {own}}}\n")
    with pytest.raises(ConfigError, match=r"my\.yaml:2: cameras\.gate\.plates: cannot be set .*: one folder"):
        load_config(settings)
