"""The packages in `examples`: installed with pip, used by name; the pages that show them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import av
import cv2
import pytest

NAMES = ("sink", "source", "tracker")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def installed(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which pip has put all examples."""
    folder = tmp_path_factory.mktemp("site")
    packages = [repo / "examples" / f"alpr-{name}-example" for name in NAMES]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--target", folder, *packages], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_all_are_used_by_name_from_a_configuration(installed: Path, repo: Path, tmp_path: Path) -> None:
    clip = repo / "tests" / "clips" / "demo.mp4"
    gate = tmp_path / "pictures" / "gate"
    gate.mkdir(parents=True)
    with av.open(str(clip)) as video:
        for index, frame in zip(range(60), video.decode(video=0), strict=False):
            cv2.imwrite(str(gate / f"{index:04d}.jpg"), frame.to_ndarray(format="bgr24"))
    (outputs,) = blocks(repo / "docs" / "how-to" / "add-a-sink.md", "yaml")
    (tmp_path / "run.yaml").write_text(f"track: {{type: nearest}}\n{outputs}")
    sources = [str(clip), "frames://pictures/gate?rate=25"]
    done = run(installed, tmp_path, "run", *sources, "--config", "run.yaml", "--quiet")
    assert done.returncode == 0, done.stderr
    truth = json.loads(clip.with_suffix(".truth.json").read_text(encoding="utf-8"))["passages"]
    with sqlite3.connect(tmp_path / "plates.db") as database:
        rows = database.execute("SELECT camera, plate FROM plates ORDER BY camera, first_s").fetchall()
    database.close()
    assert rows[: len(truth)] == [("demo.mp4", passage["text"]) for passage in truth]
    assert ("frames://pictures/gate?***", truth[0]["text"]) in rows[len(truth) :]
    assert len((tmp_path / "plates.csv").read_text(encoding="utf-8").splitlines()) == len(rows) + 1

    (cameras,) = blocks(repo / "docs" / "how-to" / "add-a-source.md", "yaml")
    (tmp_path / "cameras.yaml").write_text(f"{cameras}outputs: [{{type: sqlite, path: x.db, tabel: plates}}]\n")
    done = run(installed, tmp_path, "check", "cameras.yaml")
    assert "outputs.0.tabel: unknown key: did you mean 'table'?" in done.stderr
    done = run(installed, tmp_path, "check", "cameras.yaml", "--set", "outputs=[{type: sqlite, path: x.db}]")
    assert done.returncode == 0, done.stderr


def run(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(part for part in (str(installed), os.environ.get("PYTHONPATH", "")) if part)
    command = [sys.executable, "-m", "streamer.cli", *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_the_files_and_its_program_runs(repo: Path, name: str) -> None:
    page, folder = repo / "docs" / "how-to" / f"add-a-{name}.md", repo / "examples" / f"alpr-{name}-example"
    module, program = blocks(page, "python")
    assert module == (folder / f"alpr_{name}_example.py").read_text(encoding="utf-8")
    assert blocks(page, "toml") == [(folder / "pyproject.toml").read_text(encoding="utf-8")]
    exec(compile(program, str(page), "exec"), {"__name__": "example"})
