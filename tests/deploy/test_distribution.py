"""Wheel and sdist: what is in them, that PyPI would take them, and that the program runs from the wheel."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_MB = 14

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


def build(kind: str, folder: Path, root: Path = ROOT) -> Path:
    """Builds a `wheel` or `sdist` of the tree in `root`."""
    code = f"import hatchling.build as b, sys; print(b.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=root, capture_output=True, text=True, check=True
    )
    return folder / done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as pip does it where there is no wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return build("wheel", folder, root)


def test_what_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"streamer"}
    assert [name for name in names if name.endswith((".pt", ".pyc"))] == []
    for needed in (
        "streamer/_data/demo.mp4", "streamer/_data/zoo/plate-reader/plate-reader-int8.bin", "streamer/py.typed",
        "streamer/_data/configs/stream/default.yaml", "streamer/_data/configs/plates/alphabet.yaml",
        "streamer/serve/web/templates/base.html", "streamer/serve/web/strings/zh/common.yaml",
        "streamer/serve/web/static/app.css", "streamer/serve/web/static/vendor/htmx/htmx.min.js",
        "streamer/serve/web/static/vendor/htmx/LICENSE", "streamer/serve/web/static/vendor/htmx-ext-sse/LICENSE",
        "streamer/serve/web/static/vendor/uplot/LICENSE",
    ):  # fmt: skip
        assert needed in names
    assert wheel.stat().st_size < MOST_MB * 1e6


def test_what_is_in_the_sdist(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in ("README.md", "LICENSE", "CHANGELOG.md", "tests/clips/demo.mp4", "train/__init__.py", "Makefile",
                   "deploy/systemd/alpr@.service", "docs/index.md"):  # fmt: skip
        assert needed in names
    assert not [name for name in names if name.startswith((".venv", "out/", ".git/"))]


def test_the_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Name"] == "alpr-streamer"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Author"] == "The alpr-streamer developers"
    versions = {c for c in metadata.get_all("Classifier", []) if c.startswith("Programming Language :: Python :: 3.")}
    assert versions == {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)}
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert not [line for line in needed if line.split(">")[0] in ("torch", "nncf", "pytest")]


def test_pypi_would_take_them(wheel: Path, sdist: Path) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Outside of the checkout, with the installed dependencies of this environment."""
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    environment = {**os.environ, "PYTHONPATH": str(target), "PYTHONSAFEPATH": "1"}
    code = "import streamer, sys; assert streamer.__file__.startswith(sys.argv[1]), streamer.__file__"
    command = [sys.executable, "-c", code, str(target)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    command = [sys.executable, "-m", "streamer.cli", "demo", "--csv", "plates.csv"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"alpr run {target / 'streamer' / '_data' / 'demo.mp4'}" in done.stderr
    rows = (tmp_path / "plates.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[2] for row in rows[1:]] == ["津PN638M", "9SDB273", "渝EH57614"]
