"""Deletes from an environment what a run of alpr does not use. Argument: 1 keeps OpenVINO's parts for GPU and NPU."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

FRONT_ENDS = "onnx", "tensorflow", "tensorflow_lite", "pytorch", "paddle", "jax", "gguf"  # networks are in IR
HARDWARE = "libopenvino_intel_gpu_plugin*", "libopenvino_intel_npu_plugin*", "cache.json"
TESTED = "numpy", "scipy"  # their own tests lie beside their modules


def main(site: Path, keep_hardware: bool) -> None:
    libs = site / "openvino" / "libs"
    patterns = [f"libopenvino_{name}_frontend*" for name in FRONT_ENDS]
    if not keep_hardware:
        patterns += HARDWARE
    doomed = [path for pattern in patterns for path in libs.glob(pattern)]
    doomed += [path for name in TESTED for path in (site / name).rglob("tests") if path.is_dir()]
    doomed += [site / "pip", *site.glob("pip-*.dist-info")]
    freed = 0
    for path in doomed:
        files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
        freed += sum(one.stat().st_size for one in files)
        path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
    print(f"{freed / 1e6:.0f} MB deleted")


if __name__ == "__main__":
    main(Path(sysconfig.get_path("purelib")), sys.argv[1:] == ["1"])
