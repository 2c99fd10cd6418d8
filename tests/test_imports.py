"""Import rules between packages, checked on the sources and in a new interpreter."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# package -> top-level packages (or modules) it must not import
FORBIDDEN = {
    "streamer": {"torch", "nncf", "matplotlib", "models", "train"},
    "models": {"train", "click"},
}
# file -> everything of this project or third parties that it may import
ONLY = {
    "streamer/types.py": {"numpy", "numpy.typing"},
    "streamer/geometry.py": {"numpy", "streamer.types"},
    "streamer/errors.py": set(),
}
# Within streamer data flows one way: a package imports only packages before it.
ORDER = [
    "process",
    "config",
    "image",
    "plates",
    "source",
    "engine",
    "tracking",
    "passages",
    "sink",
    "watch",
    "notify",
    "pipeline",
    "store",
    "chaos",
    "soak",
    "replay",
    "migrate",
    "fit",
    "cluster",
    "serve",
    "api",
    "testing",
    "cli",
]
# Modules of streamer that may have threads, queues and locks.
WITH_THREADS = {
    "process/imports", "engine/runtime", "sink/delivery", "sink/answers", "source/reconnect", "source/connection",
    "source/turns", "serve/web/searches",
    "serve/metrics", "serve/systemd", "notify/sender", "notify/mqtt", "notify/deadline", "testing", "pipeline/detect",
    "pipeline/engines", "pipeline/feed", "pipeline/iterate", "pipeline/runner", "pipeline/site", "serve/web/app",
    "pipeline/cameras", "cluster/fleet/outbox", "cluster/fleet/shard", "cluster/fleet/forward", "cluster/fleet/local",
    "cluster/fleet/supervisor", "cluster/fleet/keeper",
    "serve/web/context", "serve/web/server", "serve/web/background", "serve/web/live/feed", "serve/web/live/pictures",
    "serve/web/live/recent", "serve/web/live/stream", "serve/web/live/api", "serve/web/access/limits",
    "serve/web/access/passwords", "serve/web/system/history",
    "cluster/local",
}  # fmt: skip


def imports_of(path: Path) -> set[str]:
    """Modules imported anywhere in a file, except under TYPE_CHECKING (those cost nothing at run time)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


def sources(package: str) -> list[Path]:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, package
    return files


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_forbidden_imports(package: str) -> None:
    for path in sources(package):
        bad = {m for m in imports_of(path) if m.split(".")[0] in FORBIDDEN[package]}
        # The command line finds the verbs of training by name, and only there.
        assert not bad, f"{path} imports {bad}"


def test_models_know_only_types_and_geometry_of_streamer() -> None:
    for path in sources("models"):
        bad = {
            m for m in imports_of(path) if m.startswith("streamer") and m not in {"streamer.types", "streamer.geometry"}
        }
        assert not bad, f"{path} imports {bad}"


@pytest.mark.parametrize("name", ONLY)
def test_base_modules_import_little(name: str) -> None:
    third_party = {
        m for m in imports_of(ROOT / name) if m.split(".")[0] not in sys.stdlib_module_names and m != "__future__"
    }
    assert third_party <= ONLY[name]


def test_data_flows_one_way() -> None:
    for i, package in enumerate(ORDER):
        place = ROOT / "streamer" / package
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        later = {f"streamer.{r}" for r in ORDER[i + 1 :]}
        for path in files:
            bad = {m for m in imports_of(path) if any(m == r or m.startswith(r + ".") for r in later)}
            assert not bad, f"{path} imports {bad}, which comes after {package}"


def test_threads_live_in_one_place() -> None:
    for path in sources("streamer"):
        used = imports_of(path) & {"threading", "queue", "concurrent.futures", "multiprocessing", "asyncio"}
        module = path.relative_to(ROOT / "streamer").with_suffix("").as_posix()
        allowed = module in WITH_THREADS or module.split("/")[0] in {"cli", "chaos", "soak"}
        assert not used or allowed, f"{path} uses {used}"


def test_the_state_of_a_stream_is_pure() -> None:
    """No thread, clock, file, log or sink in it."""
    used = imports_of(ROOT / "streamer" / "pipeline" / "state.py")
    impure = {"threading", "queue", "time", "os", "io", "pathlib", "logging", "random", "streamer.pipeline.fanout"}
    assert not used & impure
    assert {m for m in used if m.startswith("streamer.sink")} == {"streamer.sink.events"}


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import streamer", ["torch", "cv2", "openvino", "av", "scipy", "filterpy"]),
        ("import streamer.pipeline.runner, streamer.api", ["torch", "matplotlib"]),
        ("import streamer.cli", ["torch", "cv2", "openvino", "av", "scipy", "numpy"]),
    ],
)
def test_fresh_interpreter_stays_light(code: str, absent: list[str]) -> None:
    check = f"{code}\nimport sys\nprint([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# gi is GStreamer's, which systems have and pip has not; pydantic pins pydantic_core to one version.
OWN_OR_SYSTEM = {"streamer", "train", "gi", "pydantic_core"}


def test_every_library_is_declared() -> None:
    """What streamer imports by name is a dependency, and not only of a dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [
        line for name in ("store", "postgres", "parquet", "web") for line in project["optional-dependencies"][name]
    ]
    needed, optional = _names(project["dependencies"]), _names(extras)
    packages = packages_distributions()
    for path in sources("streamer"):
        places = ("store", "serve/web", "fit/from_store.py")
        in_extras = any(path.is_relative_to(ROOT / "streamer" / place) for place in places)
        declared = needed | (optional if in_extras else set())
        for module in {m.split(".")[0] for m in imports_of(path)} - sys.stdlib_module_names - OWN_OR_SYSTEM:
            names = {name.lower().replace("-", "_") for name in packages.get(module, [])}
            assert names & declared, f"{path} imports {module}, which pyproject.toml does not declare"


def _names(lines: list[str]) -> set[str]:
    """The distributions of requirements."""
    return {re.split(r"[\[<>=~ ]", line)[0].lower().replace("-", "_") for line in lines}
