"""Deletes from an environment what a run of alpr does not use. Argument: 1 keeps OpenVINO's parts for GPU and NPU.

Machine code is not stripped: the libraries of several wheels were rewritten when those were made, and do not load any
more once strip has been over them.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

FRONT_ENDS = "onnx", "tensorflow", "tensorflow_lite", "pytorch", "paddle", "jax", "gguf"  # networks are in IR
FRONT_ENDS_OF_PYTHON = "onnx", "tensorflow", "pytorch", "paddle", "jax"
HARDWARE = "libopenvino_intel_gpu_plugin*", "libopenvino_intel_npu_plugin*", "cache.json"
TESTED = "numpy", "scipy"  # their own tests lie beside their modules
SCIPY = "io", "signal", "cluster", "odr", "misc", "fftpack", "datasets", "differentiate"  # what filterpy never loads
FOLDERS = (
    "openvino/include", "openvino/cmake", "cv2/data", "pip", "setuptools", "pkg_resources", "sqlalchemy/testing",
    "sqlalchemy/dialects/mysql", "sqlalchemy/dialects/oracle", "sqlalchemy/dialects/mssql",
)  # fmt: skip
FILES = "pip-*.dist-info", "setuptools-*.dist-info", "distutils-precedence.pth", "_distutils_hack"
FOR_BUILDING = "*.h", "*.hpp", "*.a", "*.lib", "*.cmake", "*.pyx", "*.pxd", "*.pyi"


def groups(site: Path, keep_hardware: bool) -> Iterator[tuple[str, list[Path]]]:
    """What goes, by kind."""
    libs = site / "openvino" / "libs"
    yield (
        "front ends",
        [
            *(path for name in FRONT_ENDS for path in libs.glob(f"libopenvino_{name}_frontend*")),
            *(site / "openvino" / "frontend" / name for name in FRONT_ENDS_OF_PYTHON),
        ],
    )
    if not keep_hardware:
        yield "GPU and NPU", [path for pattern in HARDWARE for path in libs.glob(pattern)]
    yield "tests", [path for name in TESTED for path in (site / name).rglob("tests") if path.is_dir()]
    yield "SciPy", [site / "scipy" / name for name in SCIPY]
    yield (
        "tools and data",
        [
            *(site / name for name in FOLDERS),
            *(path for pattern in FILES for path in site.glob(pattern)),
        ],
    )
    yield "headers", [path for pattern in FOR_BUILDING for path in site.rglob(pattern) if path.is_file()]
    yield "bytecode", list(site.rglob("__pycache__"))  # the demo writes that which is used


def main(site: Path, keep_hardware: bool) -> None:
    freed: dict[str, int] = {}
    for kind, doomed in groups(site, keep_hardware):
        for path in doomed:
            files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
            freed[kind] = freed.get(kind, 0) + sum(one.stat().st_size for one in files)
            path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
    print(f"{sum(freed.values()) / 1e6:.0f} MB deleted: {', '.join(f'{k} {v / 1e6:.0f}' for k, v in freed.items())}")


if __name__ == "__main__":
    main(Path(sysconfig.get_path("purelib")), sys.argv[1:] == ["1"])
