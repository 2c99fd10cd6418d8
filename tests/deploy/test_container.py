"""The container's files, as far as they can be checked without an engine; `make image` builds it."""

from __future__ import annotations

import fnmatch
import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from streamer.config.models import load_config
from streamer.serve.metrics import Metrics, MetricsServer

ROOT = Path(__file__).parents[2]
DOCKERFILES = [ROOT / "Dockerfile", ROOT / "deploy" / "homeassistant" / "alpr-streamer" / "Dockerfile"]
KNOWN = {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "LABEL", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
         "HEALTHCHECK", "ENTRYPOINT", "CMD"}  # fmt: skip


def instructions(path: Path) -> list[tuple[str, str]]:
    """Each instruction with its arguments, continued lines joined, comments left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_instructions_are_known_and_shells_can_read_them(path: Path) -> None:
    for name, arguments in instructions(path):
        assert name in KNOWN
        if name == "RUN":
            assert shlex.split(arguments.replace("&&", ";"))
    assert not re.search(r":latest\b", path.read_text(encoding="utf-8"))


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    copied = [arguments for name, arguments in instructions(ROOT / "Dockerfile") if name == "COPY"]
    sources = [word for text in copied if "--from=" not in text for word in text.split()[:-1] if word[:2] != "--"]
    assert len(sources) > 5
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == a or source.startswith(f"{a}/") or a.startswith(f"{source}/") for a in allowed), source
    assert any(fnmatch.fnmatch("models/zoo/a.pt", line.replace("**/", "*")) for line in ignore)


def test_it_runs_as_no_root_and_is_checked() -> None:
    last = instructions(ROOT / "Dockerfile")
    last = last[max(i for i, (name, _) in enumerate(last) if name == "FROM") :]
    found = dict(last)
    assert found["USER"] == "10001:10001"  # by number, as Kubernetes' runAsNonRoot wants it
    assert "alpr-health" in found["HEALTHCHECK"]
    assert found["ENTRYPOINT"] == '["alpr"]'
    assert not any(name == "RUN" and "pip" in arguments for name, arguments in last)


@pytest.mark.parametrize("name", ["alpr", "demo"])
def test_services_are_confined(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ports"][0].startswith("127.0.0.1:")


def test_files_and_volumes_of_compose_are_there() -> None:
    whole = compose()
    for service in whole["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in whole["volumes"], source
    profiles = {p for service in whole["services"].values() for p in service.get("profiles", [])}
    assert profiles == {"demo", "mqtt", "postgres"}
    assert "profiles" not in whole["services"]["alpr"]


@pytest.mark.parametrize("name", ["site.yaml", "demo.yaml"])
def test_configurations_of_compose_are_valid(name: str, tmp_path: Path) -> None:
    path = ROOT / "deploy" / "compose" / name
    config = load_config(path)
    assert config.cameras
    assert {o.type for o in config.outputs} == {"csv", "store"}
    # So is what is commented out.
    text = re.sub(r"^  # (- \{)", r"  \1", path.read_text(encoding="utf-8"), flags=re.M)
    (tmp_path / name).write_text(text, encoding="utf-8")
    kinds = [o.type for o in load_config(tmp_path / name).outputs]
    assert kinds == (["csv", "store", "store", "mqtt"] if name == "site.yaml" else ["csv", "store"])


def test_what_is_trimmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trim = module(ROOT / "deploy" / "container" / "trim.py")
    libs = tmp_path / "openvino" / "libs"
    kept = ["libopenvino.so.1", "libopenvino_intel_cpu_plugin.so", "libopenvino_ir_frontend.so.1"]
    gone = ["libopenvino_onnx_frontend.so.1", "libopenvino_tensorflow_lite_frontend.so.1"]
    hardware = ["libopenvino_intel_gpu_plugin.so", "cache.json"]
    libs.mkdir(parents=True)
    for name in (*kept, *gone, *hardware):
        (libs / name).write_bytes(b"x" * 1000)
    for name in ("scipy/linalg/tests/test_a.py", "scipy/linalg/_a.py", "streamer/tests/x.py", "pip/__init__.py",
                 "scipy/signal/_a.py", "openvino/frontend/onnx/a.py", "openvino/frontend/a.py", "numpy/a.pyi",
                 "numpy/__pycache__/a.pyc", "setuptools-65.dist-info/METADATA"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    trim.main(tmp_path, True)
    assert sorted(p.name for p in libs.iterdir()) == sorted([*kept, *hardware])
    trim.main(tmp_path, False)
    assert sorted(p.name for p in libs.iterdir()) == sorted(kept)
    assert (tmp_path / "scipy" / "linalg" / "_a.py").exists()
    assert (tmp_path / "streamer" / "tests" / "x.py").exists()
    assert not (tmp_path / "scipy" / "linalg" / "tests").exists()
    for name in ("pip", "scipy/signal", "openvino/frontend/onnx", "numpy/a.pyi", "numpy/__pycache__"):
        assert not (tmp_path / name).exists(), name
    assert not list(tmp_path.glob("setuptools*"))
    assert (tmp_path / "openvino" / "frontend" / "a.py").exists()
    assert "SciPy 0" in capsys.readouterr().out


def test_bytecode_is_written_before_the_environment_is_copied() -> None:
    """The image's environment cannot be written, and is copied without what was not loaded while it was built."""
    build = [
        arguments for name, arguments in instructions(ROOT / "Dockerfile") if name == "RUN" and "trim.py" in arguments
    ]
    assert len(build) == 1
    before, after = build[0].split("trim.py", 1)
    assert "alpr demo --csv" not in before
    assert "alpr demo --csv" in after


def test_the_health_check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    health = module(ROOT / "deploy" / "container" / "health.py")
    server = MetricsServer(Metrics(), "0")
    try:
        monkeypatch.setattr(health, "URL", f"http://127.0.0.1:{server.port}/healthz")
        assert health.main() == 0
        monkeypatch.setattr(health, "URL", f"http://127.0.0.1:{server.port}/else")
        assert health.main() == 1
    finally:
        server.close()
    assert health.main() == 1
    assert capsys.readouterr().err
