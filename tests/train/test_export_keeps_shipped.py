"""An export must not write over a shipped model unless asked to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from streamer.cli import main
from streamer.engine.zoo import zoo_folder
from train.loop.weights import SHIPPED, own_name


def export(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["export", "plate-reader", "--data", "nowhere", *map(str, arguments)])
    return int(caught.value.code or 0)


@pytest.mark.parametrize("name", [None, "plate-refiner", "other/../plate-reader"])
def test_a_shipped_name_is_refused(name: str | None, capfd: pytest.CaptureFixture[str]) -> None:
    assert export("--out", zoo_folder(), *(["--name", name] if name else [])) == 2
    assert "give --name NAME" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["--replace"], ["--name", "my-reader"]])
def test_another_name_or_replace_goes_on(
    arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plate-reader").mkdir()
    (tmp_path / "plate-reader" / "card.yaml").touch()
    assert export("--out", tmp_path) == 2
    assert "--replace" in capfd.readouterr().err
    assert export("--out", tmp_path, *arguments) != 0  # there is no data
    error = capfd.readouterr().err
    assert "nowhere" in error
    assert "--replace" not in error


def test_the_zoo_is_where_it_goes_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert export() == 2
    assert str(zoo_folder() / "plate-reader") in capfd.readouterr().err


def test_what_is_shipped(repo: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "models/zoo/*/card.yaml"], cwd=repo, capture_output=True, text=True)
    if not listed.stdout:  # no checkout of git: the cards alone
        assert all((zoo_folder() / name / "card.yaml").is_file() for name in SHIPPED)
    else:
        assert {Path(card).parent.name for card in listed.stdout.split()} == SHIPPED


def test_the_name_that_is_suggested() -> None:
    assert [own_name(n) for n in ("plate-reader", "plate-detector-s", "mine")] == ["my-reader", "my-detector-s", "mine"]
