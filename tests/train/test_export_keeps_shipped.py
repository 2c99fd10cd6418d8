"""An export must not write over a shipped model unless asked to."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.cli import main
from streamer.engine.zoo import zoo_folder
from train.export import SHIPPED


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


def test_what_is_shipped() -> None:
    assert all((zoo_folder() / name / "card.yaml").is_file() for name in SHIPPED)
